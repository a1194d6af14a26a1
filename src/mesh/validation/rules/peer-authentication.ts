import { fieldsAt } from '../fields.js';
import { checkSelector } from '../labels.js';
import { Findings, webhook } from '../problem.js';
import type { Problem } from '../problem.js';
import type { Fields } from '../structural-schema.js';

/** Source: I:pkg/config/validation/validation.go, `ValidatePeerAuthentication`, and the definition's CEL rules. */
export function checkPeerAuthentication(object: Fields): Problem[] {
  const findings = new Findings(webhook);
  const spec = fieldsAt(object, 'spec');
  const labels = fieldsAt(fieldsAt(spec, 'selector'), 'matchLabels');
  checkSelector(labels, 'spec.selector.matchLabels', findings, 'label match');
  const portLevel = fieldsAt(spec, 'portLevelMtls');
  if (portLevel === undefined) return findings.problems;
  if (Object.keys(labels ?? {}).length === 0) {
    findings.error('spec', 'Invalid value: portLevelMtls requires selector');
  }
  // Ports of the workload, not of a Service.
  for (const key of Object.keys(portLevel)) {
    const port = /^[0-9]+$/.test(key) ? Number(key) : 0;
    if (port < 1 || port > 65_535) {
      findings.error('spec.portLevelMtls', 'Invalid value: port must be between 1-65535');
    }
  }
  return findings.problems;
}
