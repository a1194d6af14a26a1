import { fieldsAt, has, textAt } from './fields.js';
import { checkLabels, isLabelKey } from './labels.js';
import { Findings } from './problem.js';
import type { Problem } from './problem.js';
import type { Fields } from './structural-schema.js';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Source: k8s.io/apimachinery, pkg/api/validation/objectmeta.go. */
export function checkMetadata(object: Fields): Problem[] {
  const findings = new Findings('metadata');
  const metadata = fieldsAt(object, 'metadata');
  const name = textAt(metadata, 'name');
  if (name === '' && textAt(metadata, 'generateName') === '') {
    findings.error('metadata.name', 'Required value: name or generateName is required');
  } else if (name !== '' && (name.length > 253 || !subdomain.test(name))) {
    findings.error('metadata.name', `Invalid value: "${name}": a lowercase RFC 1123 subdomain is required`);
  }
  const namespace = textAt(metadata, 'namespace');
  if (namespace !== '' && !label.test(namespace)) {
    findings.error(
      'metadata.namespace',
      `Invalid value: "${namespace}": a lowercase RFC 1123 label is required`,
    );
  }
  checkLabels(fieldsAt(metadata, 'labels'), 'metadata.labels', findings);
  for (const [key, value] of Object.entries(fieldsAt(metadata, 'annotations') ?? {})) {
    if (!isLabelKey(key))
      findings.error('metadata.annotations', `Invalid value: "${key}": no annotation key`);
    if (typeof value !== 'string') findings.error(`metadata.annotations.${key}`, 'must be text');
  }
  if (has(object, 'metadata') && metadata === undefined) findings.error('metadata', 'must be an object');
  return findings.problems;
}
