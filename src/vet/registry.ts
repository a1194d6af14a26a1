import type { Check } from './check.js';
import { agentChecks } from './checks/agent.js';
import { allowlistChecks } from './checks/allowlist.js';
import { byHandChecks } from './checks/by-hand.js';
import { callerChecks } from './checks/callers.js';
import { certificateChecks } from './checks/certificate.js';
import { clientSslChecks } from './checks/client-ssl.js';
import { controlPlaneChecks } from './checks/control-plane.js';
import { destinationRuleChecks } from './checks/destination-rules.js';
import { deviceChecks } from './checks/device.js';
import { endpointChecks } from './checks/endpoints.js';
import { meshPolicyChecks } from './checks/mesh-policies.js';
import { peerNameChecks } from './checks/peer-names.js';
import { portChecks } from './checks/ports.js';
import { rootChecks } from './checks/roots.js';
import { serviceEntryChecks } from './checks/service-entries.js';
import { virtualServerChecks } from './checks/virtual-server.js';
import { wireChecks } from './checks/wire.js';

/** Every check, in the order of the codes: BMV001 to BMV099 look at the mesh, BMV101 and up at the device alone. */
export const checks: readonly Check[] = [
  ...endpointChecks,
  ...serviceEntryChecks,
  ...portChecks,
  ...byHandChecks,
  ...peerNameChecks,
  ...destinationRuleChecks,
  ...meshPolicyChecks,
  ...callerChecks,
  ...rootChecks,
  ...certificateChecks,
  ...agentChecks,
  ...controlPlaneChecks,
  ...allowlistChecks,
  ...wireChecks,
  ...deviceChecks,
  ...virtualServerChecks,
  ...clientSslChecks,
].toSorted((a, b) => (a.code < b.code ? -1 : 1));

/** The check of a code; every finding has one. */
export function checkOf(code: string): Check {
  const found = checks.find((check) => check.code === code);
  if (found === undefined) throw new Error(`there is no check ${code}`);
  return found;
}
