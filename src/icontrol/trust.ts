import { X509Certificate } from 'node:crypto';
import { Agent } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { checkServerIdentity, connect } from 'node:tls';
import type { ConnectionOptions, PeerCertificate, TLSSocket } from 'node:tls';
import { AgentError } from '../errors.js';
import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';

/**
 * How the management port proves itself: by a CA (the system's when none is given), or by the SHA-256 fingerprint of
 * its certificate. There is no third way: a connection that nobody verifies is not made.
 */
export type DeviceTrust = { readonly caPem?: string } | { readonly fingerprint256: string };

/** Raised inside a connection attempt; the client turns it into MESH_ERR_DEVICE_CERTIFICATE. */
class FingerprintMismatch extends Error {
  readonly code = 'FINGERPRINT_MISMATCH';
}

/** @returns upper-case hex pairs joined by colons, as node prints them; accepts them with or without colons */
export function parseFingerprint256(text: string): Parsed<string> {
  const hex = text.replace(/^sha-?256[:/=]/i, '').replaceAll(':', '');
  if (!/^[0-9a-f]{64}$/i.test(hex)) return refused('a SHA-256 fingerprint is 64 hex digits');
  return accepted(hex.toUpperCase().match(/../g)?.join(':') ?? hex);
}

class NoHandshake extends Error {
  readonly code = 'ETIMEDOUT';
}

// An idle connection is closed by us, well before Apache does: a request that meets a closing one would be lost,
// and a write must not be repeated on a guess.
const idleMs = 4000;
const handshakeMs = 30_000;

/**
 * An agent with one kept connection, which nothing is written to before the device has proven itself.
 *
 * @throws AgentError MESH_ERR_CONFIG_INVALID for a fingerprint or a CA file that is none
 */
export function createDeviceAgent(trust: DeviceTrust): Agent {
  const options = { keepAlive: true, maxSockets: 1, timeout: idleMs, minVersion: 'TLSv1.2' } as const;
  if ('fingerprint256' in trust) {
    const fingerprint = parseFingerprint256(trust.fingerprint256);
    if (!fingerprint.ok) throw unusable(fingerprint.reason);
    return new PinnedAgent(fingerprint.value, options);
  }
  if (trust.caPem === undefined) return new Agent(options);
  return new Agent({
    ...options,
    ca: trust.caPem,
    // The file may hold the device's certificate itself, self-signed or issued by a CA that is not there.
    allowPartialTrustChain: true,
    checkServerIdentity: identityCheck(trust.caPem),
  });
}

/** A certificate that stands in the trust file itself is the device's, whatever name it carries. */
function identityCheck(caPem: string): typeof checkServerIdentity {
  const pems = caPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const fingerprints = new Set(pems.map(fingerprintOf));
  // Without any, node would fall back on the CAs of the system.
  if (fingerprints.size === 0) throw unusable('the CA file of a device holds no certificate');
  return (host: string, certificate: PeerCertificate) =>
    fingerprints.has(certificate.fingerprint256) ? undefined : checkServerIdentity(host, certificate);
}

function fingerprintOf(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint256;
  } catch {
    throw unusable('the CA file of a device holds a certificate that cannot be read');
  }
}

function unusable(reason: string): AgentError {
  return new AgentError('MESH_ERR_CONFIG_INVALID', reason, 'Correct the tls section of the device');
}

/**
 * Hands a connection out only after its certificate was compared. The handshake proves that the other side holds
 * the certificate's key; the fingerprint takes the place of chain, name and validity, none of which a BIG-IP's
 * self-signed `CN=localhost.localdomain` has to offer.
 */
class PinnedAgent extends Agent {
  readonly #fingerprint: string;
  readonly #connecting = new Set<TLSSocket>();

  constructor(fingerprint: string, options: ConstructorParameters<typeof Agent>[0]) {
    // A resumed session would skip the certificate.
    super({ ...options, maxCachedSessions: 0 });
    this.#fingerprint = fingerprint;
  }

  override createConnection(
    options: RequestOptions,
    callback: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    // Not by chain and name: by the fingerprint, below, before anything is written.
    const socket = connect({ ...(options as ConnectionOptions), rejectUnauthorized: false });
    this.#connecting.add(socket);
    const refuse = (error: Error): void => {
      this.#connecting.delete(socket);
      socket.destroy();
      callback(error, socket);
    };
    socket.setTimeout(handshakeMs, () => socket.destroy(new NoHandshake('no TLS handshake')));
    socket.once('error', refuse);
    socket.once('secureConnect', () => {
      const shown = socket.getPeerX509Certificate()?.fingerprint256;
      if (shown !== this.#fingerprint) {
        socket.off('error', refuse);
        refuse(new FingerprintMismatch(`the device shows SHA-256 ${shown ?? '(no certificate)'}`));
        return;
      }
      this.#connecting.delete(socket);
      socket.off('error', refuse);
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      callback(null, socket);
    });
  }

  override destroy(): void {
    for (const socket of this.#connecting) socket.destroy(new Error('closed'));
    super.destroy();
  }
}
