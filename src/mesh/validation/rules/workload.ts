import { has, textAt, fieldsAt } from '../fields.js';
import { checkLabels } from '../labels.js';
import { isIpAddress, refuseFqdn, refusePort, refusePortName } from '../names.js';
import type { Findings } from '../problem.js';
import type { Fields } from '../structural-schema.js';

const unixPrefix = 'unix://';

/** What an endpoint's context says of it. */
interface WorkloadContext {
  /** `ip`: as in a STATIC ServiceEntry; `name`: a DNS name will do too. */
  readonly address: 'ip' | 'name';
  /** The names of the service's ports, where there is one. */
  readonly servicePorts?: ReadonlySet<string>;
}

/**
 * A workload's address: a WorkloadEntry, or one endpoint of a ServiceEntry.
 *
 * Source: I:pkg/config/validation/validation.go, `validateWorkloadEntry`, and the definitions' CEL rules.
 */
export function checkWorkload(
  workload: Fields,
  path: string,
  context: WorkloadContext,
  findings: Findings,
): void {
  const address = textAt(workload, 'address');
  if (address === '') {
    if (textAt(workload, 'network') !== '') {
      findings.warning(`${path}.address`, 'address is unset: callers go through the gateway of its network');
    } else if (has(workload, 'address') || !has(workload, 'network')) {
      findings.error(path, 'Invalid value: Address is required');
    }
  } else if (isUnixAddress(workload)) {
    checkUnixAddress(workload, path, findings);
  } else if (!isIpAddress(address)) {
    if (context.address === 'ip') {
      findings.error(`${path}.address`, `endpoint address "${address}" is not a valid IP address`);
    } else if (refuseFqdn(address) !== undefined) {
      findings.error(`${path}.address`, `endpoint address "${address}" is not a valid FQDN or an IP address`);
    }
  }
  checkWorkloadPorts(workload, path, findings);
  for (const name of Object.keys(fieldsAt(workload, 'ports') ?? {})) {
    if (context.servicePorts === undefined || context.servicePorts.has(name)) continue;
    findings.error(`${path}.ports.${name}`, `endpoint port ${name} is not defined by the service entry`);
  }
  checkLabels(fieldsAt(workload, 'labels'), `${path}.labels`, findings);
}

export function isUnixAddress(workload: Fields): boolean {
  return textAt(workload, 'address').startsWith(unixPrefix);
}

/** `unix:///path`, or `unix://@name` of the abstract kind; no ports beside it. */
export function checkUnixAddress(workload: Fields, path: string, findings: Findings): void {
  if (!isUnixAddress(workload)) return;
  const file = textAt(workload, 'address').slice(unixPrefix.length);
  if (!/^[/@]/.test(file)) {
    findings.error(`${path}.address`, 'Invalid value: UDS must be an absolute path or abstract socket');
  }
  if (file.endsWith('/')) findings.error(`${path}.address`, 'Invalid value: UDS may not be a dir');
  if (has(workload, 'ports')) findings.error(path, 'Invalid value: UDS may not include ports');
}

/** By the name of the service's port, the workload's own port. */
export function checkWorkloadPorts(workload: Fields, path: string, findings: Findings): void {
  for (const [name, port] of Object.entries(fieldsAt(workload, 'ports') ?? {})) {
    if (refusePortName(name) !== undefined || name.length >= 63) {
      findings.error(`${path}.ports`, `Invalid value: port name must be valid ("${name}")`);
    }
    findings.check(`${path}.ports.${name}`, refusePort(port));
  }
}
