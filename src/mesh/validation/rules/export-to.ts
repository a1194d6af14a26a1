import { textsAt } from '../fields.js';
import { isDnsLabel } from '../names.js';
import type { Findings } from '../problem.js';
import type { Fields } from '../structural-schema.js';

/**
 * Who may see an object: `.` its own namespace, `*` all, `~` nobody (ServiceEntries only), or names.
 *
 * Source: I:pkg/config/validation/validation.go, `validateExportTo`.
 */
export function checkExportTo(
  spec: Fields,
  namespace: string,
  kind: 'ServiceEntry' | 'VirtualService' | 'DestinationRule' | 'DestinationRule with workloadSelector',
  findings: Findings,
): void {
  const path = 'spec.exportTo';
  const seen = new Set<string>();
  const entries = textsAt(spec, 'exportTo');
  for (const [index, entry] of entries.entries()) {
    const where = `${path}[${index}]`;
    // Without a namespace, "." stands for itself.
    const key = entry === '.' && namespace !== '' ? namespace : entry;
    if (seen.has(key)) findings.error(where, `duplicate entries in exportTo: ${entry}`);
    seen.add(key);
    if (!['.', '*', '~'].includes(entry) && !isDnsLabel(entry)) {
      findings.error(where, `only ".", "*", "~" and names of namespaces are allowed in exportTo: ${entry}`);
    }
    if (kind === 'DestinationRule with workloadSelector' && key !== namespace && entry !== '.') {
      findings.error(where, 'exportTo must be the own namespace (".") beside a workloadSelector');
    }
  }
  if (seen.has('~') && kind !== 'ServiceEntry') {
    findings.error(path, 'exportTo "~" (none) is not allowed for this kind');
  }
  for (const alone of ['*', '~']) {
    if (seen.has(alone) && entries.length > 1) {
      findings.error(path, `exportTo "${alone}" must stand alone`);
    }
  }
}
