import type { StructuralSchema } from '../structural-schema.js';

export const text: StructuralSchema = { type: 'string' };
export const flag: StructuralSchema = { type: 'boolean' };
export const nullableFlag: StructuralSchema = { type: 'boolean', nullable: true };
export const int32: StructuralSchema = { type: 'integer', format: 'int32' };
export const uint32: StructuralSchema = { type: 'integer', minimum: 0, maximum: 4_294_967_295 };
export const nullableUint32: StructuralSchema = { ...uint32, nullable: true };
export const percent: StructuralSchema = { type: 'number', minimum: 0, maximum: 100, nullable: true };
export const texts: StructuralSchema = { type: 'array', items: text };

export function textUpTo(maxLength: number): StructuralSchema {
  return { type: 'string', maxLength };
}

export function oneOfTexts(...options: string[]): StructuralSchema {
  return { type: 'string', enum: options };
}

export function fieldsOf(
  properties: Readonly<Record<string, StructuralSchema>>,
  ...required: string[]
): StructuralSchema {
  return { type: 'object', properties, required };
}

export function listOf(items: StructuralSchema, maxItems = Infinity): StructuralSchema {
  return { type: 'array', items, maxItems };
}

export function mapOf(additionalProperties: StructuralSchema, maxProperties = Infinity): StructuralSchema {
  return { type: 'object', additionalProperties, maxProperties };
}

/** At most one of these fields. */
export function atMostOne(...names: string[]): StructuralSchema {
  const given = names.map((name) => ({ required: [name] }));
  return { oneOf: [{ not: { anyOf: given } }, ...given] };
}

/** The labels by which a policy chooses its workloads. */
export const selectorSchema = fieldsOf({ matchLabels: mapOf(textUpTo(63), 4096) });

/** The object that a policy is about. */
export const targetSchema = fieldsOf(
  {
    group: {
      type: 'string',
      maxLength: 253,
      pattern: '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
    },
    kind: { type: 'string', minLength: 1, maxLength: 63, pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$' },
    name: { type: 'string', minLength: 1, maxLength: 253 },
    namespace: text,
  },
  'kind',
  'name',
);

/** What istiod and others report; every definition leaves it open. */
const status: StructuralSchema = {
  type: 'object',
  'x-kubernetes-preserve-unknown-fields': true,
  properties: {
    conditions: {
      type: 'array',
      items: fieldsOf({
        type: text,
        status: text,
        reason: text,
        message: text,
        lastProbeTime: { type: 'string', format: 'date-time' },
        lastTransitionTime: { type: 'string', format: 'date-time' },
        observedGeneration: { 'x-kubernetes-int-or-string': true },
      }),
    },
  },
};

/** A whole object; the API server knows metadata by itself. */
export function definitionOf(spec: StructuralSchema, ...required: string[]): StructuralSchema {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return fieldsOf({ apiVersion: text, kind: text, metadata: open, spec, status }, ...required);
}
