/**
 * The name of the port in every object that has one. Sidecars choose the protocol by it: without a name that begins
 * with a protocol, or `appProtocol`, they wait for the caller's first bytes, and a server that speaks first is never
 * heard (I:pkg/config/kube/conversion.go).
 */
export const portName = 'tcp';
export const appProtocol = 'tcp';

/** Of a Service: the protocol is said in both ways. */
export function servicePort(port: number): object {
  return { name: portName, port, targetPort: port, protocol: 'TCP', appProtocol };
}
