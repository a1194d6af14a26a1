import type { X509Certificate } from 'node:crypto';
import { renderEndpoint } from '../config/endpoint.js';
import { certificateFacts } from '../pki/certificate-facts.js';
import type { ServiceScope } from './check.js';
import { need, UnknownFact } from './datum.js';
import type { ListenerFacts, ServerFlight } from './facts.js';

/** What the listener showed. @throws UnknownFact when nobody answered, or it was not looked at */
export function listenerOf({ own, config }: Pick<ServiceScope, 'own' | 'config'>): ListenerFacts {
  const listener = need(own.listener);
  if (listener !== undefined && !listener.isClosed) return listener;
  throw new UnknownFact({ reason: `nobody listens on ${renderEndpoint(config.listen)}` });
}

/** @throws UnknownFact when no TLS server answered */
export function flightOf(scope: Pick<ServiceScope, 'own' | 'config'>): ServerFlight {
  const { flight } = listenerOf(scope);
  if (flight !== undefined && flight.certificates.length > 0) return flight;
  throw new UnknownFact({ reason: `${renderEndpoint(scope.config.listen)} showed no certificate` });
}

/** @throws UnknownFact as {@link flightOf} */
export function servedLeaf(scope: Pick<ServiceScope, 'own' | 'config'>): X509Certificate {
  const [leaf] = flightOf(scope).certificates;
  if (leaf === undefined) throw new UnknownFact({ reason: 'no certificate was shown' });
  return leaf;
}

export function uriNames(certificate: X509Certificate): readonly string[] {
  return certificateFacts(certificate)
    .subjectAltNames.filter(({ type }) => type === 'uri')
    .map(({ value }) => value);
}
