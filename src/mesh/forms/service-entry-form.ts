import { kinds } from '../../kube/kinds.js';
import type { RegisteredService } from '../registered-service.js';
import { renderObject } from '../registration-object.js';
import type { RegistrationObject } from '../registration-object.js';
import { endpointLabel, renderDeviceEntries } from './device-entries.js';
import { portName } from './tcp-port.js';

/**
 * A ServiceEntry for any DNS name, and the WorkloadEntries that it selects.
 *
 * What it takes so that sidecars originate mutual TLS and demand the device's SPIFFE ID
 * (I:pilot/pkg/serviceregistry/serviceentry/conversion.go; I:pilot/pkg/networking/core/cluster_tls.go):
 *
 * - `location: MESH_INTERNAL`: the default, MESH_EXTERNAL, means plain text;
 * - `resolution: STATIC`: the default, NONE, sends callers to the address that they asked DNS for;
 * - endpoints with a service account: it turns mutual TLS on, and gives the SPIFFE ID. They are WorkloadEntries rather
 *   than inline ones, for those alone have a Healthy condition;
 * - `addresses`: without one, sidecars that do not capture DNS open 0.0.0.0:PORT and take every connection to that
 *   port. The device's own addresses are used: whoever resolves the host to the device arrives as well, and whoever
 *   calls the device by its address cannot go round mutual TLS;
 * - `protocol: TCP`: without it, servers that speak first are never heard.
 */
export function renderServiceEntryForm(service: RegisteredService): RegistrationObject[] {
  const { name, host, addresses, port, spiffeId } = service;
  const spec = {
    hosts: [host],
    addresses: [...addresses],
    ports: [{ number: port, name: portName, protocol: 'TCP' }],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    workloadSelector: { labels: endpointLabel(name) },
    subjectAltNames: [spiffeId],
  };
  // The entries first: a ServiceEntry without any endpoint refuses callers whom an earlier form still serves.
  return [...renderDeviceEntries(service, name), renderObject(service, kinds.serviceEntry, name, { spec })];
}
