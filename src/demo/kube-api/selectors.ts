import { badRequest } from './api-error.js';
import { isJsonObject, objectAt, stringAt } from './json.js';
import type { Json, JsonObject } from './json.js';

export type Predicate = (object: JsonObject) => boolean;

/**
 * A label selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas.
 *
 * Source: k8s.io/apimachinery, pkg/labels. Like there, `!=` and `notin` hold for objects without the label.
 */
export function parseLabelSelector(text: string): Predicate {
  const requirements = splitOutsideParentheses(text).map(parseRequirement);
  return (object) => {
    const labels = objectAt(objectAt(object, 'metadata'), 'labels');
    return requirements.every((holds) => holds(labels));
  };
}

/** A field selector on the two fields that every kind supports: `metadata.name`, `metadata.namespace`. */
export function parseFieldSelector(text: string): Predicate {
  const requirements = splitOutsideParentheses(text).map((part) => {
    const match = /^([a-zA-Z.]+)(!=|==?)(.*)$/.exec(part);
    const [, field = '', operator, value] = match ?? [];
    if (!supportedFields.has(field)) {
      throw badRequest(`field label not supported: ${match === null ? part : field}`);
    }
    return (object: JsonObject): boolean => (fieldAt(object, field) === value) === (operator !== '!=');
  });
  return (object) => requirements.every((holds) => holds(object));
}

/** The one object that a field selector names, which is what RBAC's `resourceNames` looks at. */
export function selectedName(fieldSelector: string): string | undefined {
  return /^metadata\.name==?([^,]+)$/.exec(fieldSelector)?.[1];
}

/** Every kind has the first two; Secrets, Events and Pods are commonly selected by the others. */
const supportedFields = new Set([
  'metadata.name',
  'metadata.namespace',
  'type',
  'reason',
  'involvedObject.name',
  'involvedObject.namespace',
  'involvedObject.kind',
  'involvedObject.uid',
  'spec.nodeName',
  'status.phase',
]);

function fieldAt(object: JsonObject, field: string): string {
  let value: Json | undefined = object;
  for (const part of field.split('.')) value = isJsonObject(value) ? value[part] : undefined;
  return typeof value === 'string' ? value : '';
}

function parseRequirement(part: string): (labels: JsonObject) => boolean {
  const set = /^([^\s!=()]+)\s+(in|notin)\s+\(([^()]*)\)$/.exec(part);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return (labels) => values.includes(stringAt(labels, key) ?? '') === (operator === 'in');
  }
  const equality = /^([^\s!=()]+)\s*(!=|==?)\s*([^\s!=()]*)$/.exec(part);
  if (equality !== null) {
    const [, key = '', operator, value] = equality;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const existence = /^(!?)\s*([^\s!=()]+)$/.exec(part);
  if (existence === null) throw badRequest(`unable to parse requirement: ${part}`);
  const [, not, key = ''] = existence;
  return (labels) => Object.hasOwn(labels, key) === (not === '');
}

function splitOutsideParentheses(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
