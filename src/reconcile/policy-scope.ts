import type { PolicyScope } from '../allowlist/enforce-policies.js';
import type { ServiceConfig } from '../config/schema.js';
import { endpointLabel } from '../mesh/forms/device-entries.js';
import type { MeshFacts } from '../mesh/mesh-facts.js';
import { ownerLabels } from '../mesh/ownership.js';

/**
 * What AuthorizationPolicies can be for, of a service: the labels and objects of its registration, by what the config
 * file says and not by what is in the cluster, so that nobody changes who may call by relabelling an object.
 */
export function policyScope(
  { name, host, identity, listen, registration }: ServiceConfig,
  { rootNamespace, trustDomain, trustDomainAliases }: MeshFacts,
): PolicyScope {
  const [hostName = '', hostNamespace] = host.split('.');
  const isServiceEntry = registration === 'service-entry';
  const objects = isServiceEntry
    ? [{ group: 'networking.istio.io', kind: 'ServiceEntry', name }]
    : [{ group: '', kind: 'Service', name: hostName }];
  return {
    namespace: identity.namespace,
    rootNamespace,
    labels: { ...ownerLabels(name), ...endpointLabel(isServiceEntry ? name : hostName) },
    objects: isServiceEntry || hostNamespace === identity.namespace ? objects : [],
    trustDomains: [...new Set([trustDomain, ...trustDomainAliases])],
    listen,
  };
}

/** Where policies for a service can be: beside it, and where those for the whole mesh are. */
export function policyNamespaces(
  { identity }: Pick<ServiceConfig, 'identity'>,
  { rootNamespace }: Pick<MeshFacts, 'rootNamespace'>,
): readonly string[] {
  return [...new Set([identity.namespace, rootNamespace])];
}
