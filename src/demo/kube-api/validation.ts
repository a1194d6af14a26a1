import { invalid } from './api-error.js';
import type { Cause } from './api-error.js';
import { objectAt } from './json.js';
import type { JsonObject } from './json.js';
import type { Resource } from './resource.js';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const serviceName = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const qualifiedKey =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/**
 * What the API server demands of every object's metadata; the rest of an object is taken as it is.
 *
 * Source: k8s.io/apimachinery, pkg/api/validation and pkg/util/validation.
 *
 * @throws ApiError Invalid
 */
export function validateMetadata(resource: Resource, name: string, object: JsonObject): void {
  const causes: Cause[] = [];
  const fail = (field: string, value: string, rule: string): void => {
    causes.push({ reason: 'FieldValueInvalid', field, message: `Invalid value: "${value}": ${rule}` });
  };
  if (!nameRule(resource).test(name) || name.length > longestName(resource)) {
    fail('metadata.name', name, 'must be a lowercase RFC 1123 or RFC 1035 name');
  }
  const metadata = objectAt(object, 'metadata');
  for (const [key, value] of Object.entries(objectAt(metadata, 'labels'))) {
    if (!qualifiedKey.test(key)) fail('metadata.labels', key, 'must be a qualified name');
    if (typeof value !== 'string' || value.length > 63 || !labelValue.test(value)) {
      fail('metadata.labels', JSON.stringify(value), 'must be a label value of at most 63 characters');
    }
  }
  for (const key of Object.keys(objectAt(metadata, 'annotations'))) {
    if (!qualifiedKey.test(key)) fail('metadata.annotations', key, 'must be a qualified name');
  }
  if (causes.length > 0) throw invalid(resource, name, causes);
}

function nameRule({ group, plural }: Resource): RegExp {
  if (group === 'rbac.authorization.k8s.io') return /^[^/%]+$/;
  if (group !== '') return subdomain;
  if (plural === 'services') return serviceName;
  return plural === 'namespaces' ? label : subdomain;
}

function longestName({ group, plural }: Resource): number {
  return group === '' && (plural === 'services' || plural === 'namespaces') ? 63 : 253;
}
