import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';

interface ServiceHost {
  /** Of the Kubernetes Service. */
  readonly name: string;
  readonly namespace: string;
}

/** RFC 1035, as Kubernetes demands of a Service's name. */
const serviceLabel = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** RFC 1123, as it demands of a namespace's name. */
const namespaceLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Parses the full name of a Kubernetes Service: `bigip.default.svc.cluster.local`. */
export function parseServiceHost(host: string): Parsed<ServiceHost> {
  const [name = '', namespace = '', svc, ...domain] = host.split('.');
  if (svc !== 'svc' || domain.length === 0 || domain.includes('')) {
    return refused(`host "${host}" is not of the form NAME.NAMESPACE.svc.cluster.local`);
  }
  if (!serviceLabel.test(name)) return refused(`"${name}" of host "${host}" is no name of a Service`);
  if (!namespaceLabel.test(namespace)) {
    return refused(`"${namespace}" of host "${host}" is no name of a namespace`);
  }
  return accepted({ name, namespace });
}
