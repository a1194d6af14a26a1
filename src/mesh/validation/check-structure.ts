import type { Problem } from './problem.js';
import { isFields, schemaOfField } from './structural-schema.js';
import type { Fields, StructuralSchema } from './structural-schema.js';

type Report = (path: string, reason: string) => void;

/**
 * Checks a value against the structural part of a definition's schema; rules in CEL are `checkCelRules`.
 *
 * A field that the schema does not know is an error, as it is for server-side apply, which the agent writes with.
 *
 * Source: k8s.io/apiextensions-apiserver, pkg/apiserver/validation; k8s.io/kube-openapi, pkg/validation (texts).
 */
export function checkStructure(schema: StructuralSchema, value: unknown, path: string): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (where, reason) => {
    problems.push({ level: 'error', path: where, reason, source: 'schema' });
  };
  checkValue(schema, value, path, report);
  return problems;
}

function checkValue(schema: StructuralSchema, value: unknown, path: string, report: Report): void {
  if (value === null && schema.nullable === true) return;
  const type = typeOf(value);
  if (!isOfType(schema, value)) {
    const wanted = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : (schema.type ?? '');
    report(path, `Invalid value: "${type}": ${path} in body must be of type ${wanted}: "${type}"`);
    return;
  }
  for (const reason of limits(schema, value, path)) report(path, reason);
  if (Array.isArray(value)) checkList(schema, value, path, report);
  if (isFields(value)) checkFields(schema, value, path, report);
  checkAlternatives(schema, value, path, report);
}

function* limits(schema: StructuralSchema, value: unknown, path: string): Generator<string> {
  const body = `Invalid value: ${path} in body should`;
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    const supported = schema.enum.map((option) => JSON.stringify(option)).join(', ');
    yield `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
  }
  if (typeof value === 'string') {
    // Kubernetes counts characters (Unicode code points), not UTF-16 units.
    const { length } = Array.from(value);
    const { minLength = 0, maxLength = Infinity, pattern, format } = schema;
    if (length < minLength) yield `${body} be at least ${minLength} chars long`;
    if (length > maxLength) yield `Too long: may not be more than ${maxLength} bytes`;
    if (pattern !== undefined && readPattern(pattern)?.test(value) === false)
      yield `${body} match '${pattern}'`;
    if (format === 'date-time' && !isDateTime(value)) yield `${body} be of type date-time: "${value}"`;
  }
  if (typeof value === 'number') {
    const {
      minimum = -Infinity,
      maximum = Infinity,
      exclusiveMinimum,
      exclusiveMaximum,
      multipleOf,
    } = schema;
    if (value < minimum) yield `${body} be greater than or equal to ${minimum}`;
    if (value > maximum) yield `${body} be less than or equal to ${maximum}`;
    if (exclusiveMinimum === true && value === minimum) yield `${body} be greater than ${minimum}`;
    if (exclusiveMaximum === true && value === maximum) yield `${body} be less than ${maximum}`;
    if (multipleOf !== undefined && value % multipleOf !== 0) yield `${body} be a multiple of ${multipleOf}`;
    if (schema.format === 'int32' && (value < -0x8000_0000 || value > 0x7fff_ffff))
      yield `${body} be an int32`;
  }
}

function checkList(schema: StructuralSchema, list: readonly unknown[], path: string, report: Report): void {
  const { items = {}, minItems = 0, maxItems = Infinity } = schema;
  if (list.length < minItems) {
    report(path, `Invalid value: ${list.length}: ${path} in body should have at least ${minItems} items`);
  }
  if (list.length > maxItems) report(path, `Too many: ${list.length}: must have at most ${maxItems} items`);
  const listType = schema['x-kubernetes-list-type'];
  const isSet = listType === 'set' || schema.uniqueItems === true;
  const mapKeys = listType === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : [];
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    const where = `${path}[${index}]`;
    checkValue(items, item, where, report);
    if (!isSet && mapKeys.length === 0) continue;
    const key = JSON.stringify(
      isSet
        ? item
        : Object.fromEntries(mapKeys.map((name) => [name, isFields(item) ? item[name] : undefined])),
    );
    if (seen.has(key)) report(where, `Duplicate value: ${key}`);
    seen.add(key);
  }
}

function checkFields(schema: StructuralSchema, fields: Fields, path: string, report: Report): void {
  const names = Object.keys(fields).filter((name) => fields[name] !== undefined);
  const { required = [], minProperties = 0, maxProperties = Infinity } = schema;
  for (const name of required) {
    if (!names.includes(name)) report(below(path, name), 'Required value');
  }
  if (names.length < minProperties) {
    report(path, `Invalid value: ${path} in body should have at least ${minProperties} properties`);
  }
  if (names.length > maxProperties) {
    report(path, `Too many: ${names.length}: must have at most ${maxProperties} items`);
  }
  for (const name of names) {
    const known = schemaOfField(schema, name);
    if (known === undefined) report(below(path, name), `unknown field "${below(path, name)}"`);
    else checkValue(known, fields[name], below(path, name), report);
  }
}

/** What stands under `oneOf` and its like restricts the value and describes no fields of its own. */
function checkAlternatives(schema: StructuralSchema, value: unknown, path: string, report: Report): void {
  const { allOf = [], anyOf = [], oneOf = [], not } = schema;
  const body = `Invalid value: "${path}" must validate`;
  if (!allOf.every((part) => satisfies(part, value))) report(path, `${body} all the schemas (allOf)`);
  if (anyOf.length > 0 && !anyOf.some((part) => satisfies(part, value))) {
    report(path, `${body} at least one schema (anyOf)`);
  }
  const matching = oneOf.filter((part) => satisfies(part, value)).length;
  if (oneOf.length > 0 && matching !== 1) {
    report(
      path,
      `${body} one and only one schema (oneOf). Found ${matching === 0 ? 'none' : matching} valid`,
    );
  }
  if (not !== undefined && satisfies(not, value)) {
    report(path, `Invalid value: "${path}" must not validate the schema (not)`);
  }
}

function satisfies(schema: StructuralSchema, value: unknown): boolean {
  let isSatisfied = true;
  const open = { 'x-kubernetes-preserve-unknown-fields': true, ...schema };
  checkValue(open, value, '', () => {
    isSatisfied = false;
  });
  return isSatisfied;
}

function isOfType(schema: StructuralSchema, value: unknown): boolean {
  const type = typeOf(value);
  if (schema['x-kubernetes-int-or-string'] === true) return type === 'integer' || type === 'string';
  switch (schema.type) {
    case undefined:
    case '':
      return true;
    case 'number':
      return type === 'number' || type === 'integer';
    default:
      return type === schema.type;
  }
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** Patterns are Go's (RE2); one that JavaScript cannot read judges nothing here, and the API server still does. */
function readPattern(pattern: string): RegExp | undefined {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(pattern, flags);
    } catch {
      continue;
    }
  }
  return undefined;
}

/** RFC 3339, as Go reads it. */
function isDateTime(text: string): boolean {
  return (
    /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  );
}
