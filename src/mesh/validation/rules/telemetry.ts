import { fieldsAt, has, objectsAt, textAt } from '../fields.js';
import { refuseDuration } from '../names.js';
import { Findings, webhook } from '../problem.js';
import type { Problem } from '../problem.js';
import { isFields } from '../structural-schema.js';
import type { Fields } from '../structural-schema.js';
import { checkPolicyScope } from './policy-scope.js';

/** Source: I:pkg/config/validation/validation.go, `ValidateTelemetry`, and the definition's CEL rules. */
export function checkTelemetry(object: Fields): Problem[] {
  const findings = new Findings(webhook);
  const spec = fieldsAt(object, 'spec');
  if (spec === undefined) return findings.problems;
  checkPolicyScope(spec, findings);
  for (const [index, metrics] of objectsAt(spec, 'metrics')) {
    const path = `spec.metrics[${index}]`;
    if (has(metrics, 'reportingInterval')) {
      findings.check(`${path}.reportingInterval`, refuseDuration(textAt(metrics, 'reportingInterval')));
    }
    for (const [at, override] of objectsAt(metrics, 'overrides')) {
      checkTags(fieldsAt(override, 'tagOverrides'), `${path}.overrides[${at}].tagOverrides`, findings);
    }
  }
  return findings.problems;
}

function checkTags(tags: Fields | undefined, path: string, findings: Findings): void {
  for (const [name, tag] of Object.entries(tags ?? {})) {
    if (!isFields(tag)) continue;
    const operation = textAt(tag, 'operation');
    if (operation === 'UPSERT' && textAt(tag, 'value') === '') {
      findings.error(`${path}.${name}`, 'Invalid value: value must be set when operation is UPSERT');
    }
    if (operation === 'REMOVE' && has(tag, 'value')) {
      findings.error(`${path}.${name}`, 'Invalid value: value must not be set when operation is REMOVE');
    }
  }
}
