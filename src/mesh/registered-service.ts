import type { ServiceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import { serviceAccountSpiffeId } from '../spiffe/spiffe-id.js';

/** How a device becomes a mesh service (docs/reference/registration.md); `none` is not one of these. */
export type RegistrationForm = 'workload-entry' | 'service-entry' | 'endpoint-slice';

/** A mesh service as its registration needs it. */
export interface RegisteredService {
  readonly form: RegistrationForm;
  /** Of the service in the config file: `echo`. */
  readonly name: string;
  /** What callers call: `bigip.default.svc.cluster.local`. */
  readonly host: string;
  /** The identity's namespace, in which every object is made. */
  readonly namespace: string;
  readonly serviceAccount: string;
  /** `spiffe://cluster.local/ns/default/sa/bigip`: what callers demand of the device. */
  readonly spiffeId: string;
  /** IP addresses of the virtual servers, one endpoint each. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/**
 * The registration that a service of the config file asks for.
 *
 * @param trustDomain of the mesh
 * @returns undefined for `none`.
 * @throws AgentError MESH_ERR_CONFIG_INVALID when the identity makes no SPIFFE ID.
 */
export function registeredService(
  { name, host, identity, listen, registration }: ServiceConfig,
  trustDomain: string,
): RegisteredService | undefined {
  if (registration === 'none') return undefined;
  const spiffeId = serviceAccountSpiffeId({ trustDomain, ...identity });
  if (!spiffeId.ok) throw unusable(name, `its identity makes no SPIFFE ID: ${spiffeId.reason}`);
  return {
    form: registration,
    name,
    host,
    namespace: identity.namespace,
    serviceAccount: identity.serviceAccount,
    spiffeId: spiffeId.value.text,
    addresses: [listen.address],
    port: listen.port,
  };
}

export function unusable(service: string, why: string): AgentError {
  return new AgentError(
    'MESH_ERR_CONFIG_INVALID',
    `service ${service} cannot be registered: ${why}`,
    'mend host, identity and listen of the service in the config file',
  );
}
