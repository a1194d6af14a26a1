import { fieldsAt } from '../fields.js';
import { Findings, webhook } from '../problem.js';
import type { Problem } from '../problem.js';
import type { Fields } from '../structural-schema.js';
import { checkWorkload } from './workload.js';

/** Source: I:pkg/config/validation/validation.go, `ValidateWorkloadEntry`. Nothing is compared with any Service. */
export function checkWorkloadEntry(object: Fields): Problem[] {
  const findings = new Findings(webhook);
  const spec = fieldsAt(object, 'spec');
  if (spec !== undefined) checkWorkload(spec, 'spec', { address: 'name' }, findings);
  return findings.problems;
}
