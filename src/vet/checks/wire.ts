import { renderEndpoint } from '../../config/endpoint.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { UnknownFact } from '../datum.js';
import { listenerOf } from '../served.js';

/** `no_application_protocol` (RFC 7301). */
const noApplicationProtocol = 120;
/** `protocol_version` (RFC 5246, section 7.2). */
const protocolVersion = 70;

/** How the listener itself behaves. */
export const wireChecks: readonly Check[] = [
  {
    code: 'BMV048',
    title: 'listener that does not behave as a sidecar expects',
    about: 'service',
    level: 'error',
    why: 'A sidecar offers the ALPN names istio-peer-exchange and istio, sends an SNI with underscores, speaks TLS 1.2 or 1.3 and shows a certificate. A listener that picks istio-peer-exchange gets bytes of metadata into its stream; one that asks for no certificate, or takes plaintext, lets everybody in.',
    mend: 'Run bigip-mesh apply, which puts the client SSL profile in order; look for other profiles on the virtual server when it stays.',
    look: lookAtListener,
  },
];

function lookAtListener(scope: ServiceScope): readonly Sighting[] {
  const object = `listener ${renderEndpoint(scope.config.listen)}`;
  const { flight, flightWithoutName, oldestVersion, plaintextAnswer } = listenerOf(scope);
  const seen: string[] = [];
  if (plaintextAnswer !== undefined) seen.push(`it answers in plain TCP: ${plaintextAnswer}`);
  const isModernAlone = flight?.alert === protocolVersion;
  if (flight === undefined) seen.push('it does not speak TLS');
  else if (isModernAlone && seen.length === 0) {
    throw new UnknownFact({
      reason: 'the listener speaks TLS 1.3 alone, in which a server shows nothing in clear',
    });
  } else if (flight.alert === noApplicationProtocol) seen.push('it refuses the ALPN names of a sidecar');
  else if (flight.certificates.length === 0 && !isModernAlone) {
    seen.push(
      flight.alert === undefined
        ? 'it shows no certificate in TLS 1.2'
        : `it refuses a sidecar's hello (TLS alert ${flight.alert})`,
    );
  } else if (!isModernAlone) {
    if (flight.alpn !== undefined && flight.alpn !== 'istio')
      seen.push(`it picks the ALPN name ${flight.alpn}`);
    if (!flight.requestsCertificate) seen.push('it asks for no client certificate');
    if (flightWithoutName === undefined || flightWithoutName.certificates.length === 0) {
      seen.push('it demands a server name (SNI)');
    }
  }
  const found: Sighting[] = seen.map((line) => ({ object, seen: line }));
  if (oldestVersion !== undefined) {
    // Sidecars never use it; others might.
    found.push({ object, seen: `it offers ${oldestVersion}`, level: 'warning' });
  }
  return found;
}
