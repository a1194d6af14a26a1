import { kinds } from '../../kube/kinds.js';
import type { RegisteredService } from '../registered-service.js';
import { renderObject } from '../registration-object.js';
import type { RegistrationObject } from '../registration-object.js';
import { workloadEntryName } from '../workload-entry-name.js';

/** Istiod drops such an entry until its Healthy condition is True (I:pilot/pkg/model/status/workloadentry.go). */
const healthChecks = { 'proxy.istio.io/health-checks-enabled': 'true' };

/** The label by which a Service or a ServiceEntry finds its entries; apart from the owner's, so that relabelling an object cannot add an endpoint. */
export function endpointLabel(of: string): Readonly<Record<string, string>> {
  return { 'bigip-mesh.io/endpoint-of': of };
}

/**
 * One WorkloadEntry for each address. Its `serviceAccount` makes sidecars originate mutual TLS and demand the SPIFFE ID
 * of that account in the entry's namespace.
 *
 * @param of what the entries belong to: their names and their label begin with it
 */
export function renderDeviceEntries(service: RegisteredService, of: string): RegistrationObject[] {
  const { addresses, serviceAccount } = service;
  return addresses.map((address) =>
    renderObject(service, kinds.workloadEntry, workloadEntryName(of, address), {
      spec: { address, labels: endpointLabel(of), serviceAccount },
      annotations: healthChecks,
    }),
  );
}
