import type { KubeObject } from '../kube/object.js';

/** Reading of data whose shape nobody has checked: what is not as expected is as if it were not there. */
export type Fields = Readonly<Record<string, unknown>>;

export function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function records(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(record) : [];
}

/** Empty text counts as none. */
export function textAt(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function textsAt(fields: Fields, name: string): readonly string[] {
  const value = fields[name];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** A map of texts; values of other types are written out, as YAML numbers come. */
export function textMap(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record(value)).map(([key, item]) => [key, String(item)]));
}

export function specOf(object: KubeObject): Fields {
  return record(object['spec']);
}

export function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? '';
}

/** `Service default/bigip` */
export function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}

export function labelsOf({ metadata }: KubeObject): Readonly<Record<string, string>> {
  return metadata.labels ?? {};
}

export function annotationsOf({ metadata }: KubeObject): Readonly<Record<string, string>> {
  return metadata.annotations ?? {};
}

/** Whether each label of the selector is there with its value; an empty selector matches everything. */
export function selects(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
