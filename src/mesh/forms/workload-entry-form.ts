import { kinds } from '../../kube/kinds.js';
import type { RegisteredService } from '../registered-service.js';
import { renderObject } from '../registration-object.js';
import type { RegistrationObject } from '../registration-object.js';
import { serviceNameOf } from './cluster-host.js';
import { endpointLabel, renderDeviceEntries } from './device-entries.js';
import { servicePort } from './tcp-port.js';

/**
 * A ClusterIP Service whose selector matches WorkloadEntries and no Pod gives the name and the virtual IP. Callers
 * without a sidecar meet a Service without endpoints and get nothing. (I:pilot/pkg/serviceregistry/kube/controller; a
 * headless Service would be skipped there.)
 */
export function renderWorkloadEntryForm(service: RegisteredService): RegistrationObject[] {
  const name = serviceNameOf(service);
  const spec = { type: 'ClusterIP', selector: endpointLabel(name), ports: [servicePort(service.port)] };
  return [renderObject(service, kinds.service, name, { spec }), ...renderDeviceEntries(service, name)];
}
