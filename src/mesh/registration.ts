import { isIP } from 'node:net';

import { kinds } from '../kube/kinds.js';
import { renderEndpointSliceForm } from './forms/endpoint-slice-form.js';
import { renderServiceEntryForm } from './forms/service-entry-form.js';
import { renderWorkloadEntryForm } from './forms/workload-entry-form.js';
import { unusable } from './registered-service.js';
import type { RegisteredService, RegistrationForm } from './registered-service.js';
import { renderObject } from './registration-object.js';
import type { RegistrationObject } from './registration-object.js';

const formRenderers: Readonly<
  Record<RegistrationForm, (service: RegisteredService) => RegistrationObject[]>
> = {
  'workload-entry': renderWorkloadEntryForm,
  'service-entry': renderServiceEntryForm,
  'endpoint-slice': renderEndpointSliceForm,
};

/**
 * The objects that make a device a mesh service, in the order in which they are applied. Pure.
 *
 * @throws AgentError MESH_ERR_CONFIG_INVALID when host, namespace or an address cannot be registered.
 */
export function renderRegistration(service: RegisteredService): RegistrationObject[] {
  for (const address of service.addresses) {
    // A zone ("%eth0") means something on one machine only.
    if (isIP(address) === 0 || address.includes('%')) {
      throw unusable(service.name, `"${address}" is not an IP address that others can call`);
    }
  }
  return [
    renderObject(service, kinds.serviceAccount, service.serviceAccount),
    ...formRenderers[service.form](service),
  ];
}
