import type { Problem } from './problem.js';
import { isFields, schemaOfField } from './structural-schema.js';
import type { StructuralSchema } from './structural-schema.js';

/** `why`: the rule uses something that is not known here, and was not judged. */
export type CelVerdict = 'holds' | 'fails' | { readonly why: string };

/** Evaluates one rule over a value that has this schema. */
export interface CelRules {
  evaluate(rule: string, self: unknown, schema: StructuralSchema): CelVerdict;
}

/**
 * Evaluates every CEL rule of a schema (`x-kubernetes-validations`) that is about a value that is there.
 *
 * Rules that compare with `oldSelf` hold for an object that is new, as the API server has it.
 *
 * Source: k8s.io/apiextensions-apiserver, pkg/apiserver/schema/cel/validation.go.
 */
export function checkCelRules(
  cel: CelRules,
  schema: StructuralSchema,
  value: unknown,
  path: string,
): Problem[] {
  if (value === undefined || value === null) return [];
  const problems: Problem[] = [];
  for (const { rule, message = `failed rule: ${rule}` } of schema['x-kubernetes-validations'] ?? []) {
    if (/\boldSelf\b/.test(rule)) continue;
    const verdict = cel.evaluate(rule, value, schema);
    if (verdict === 'holds') continue;
    problems.push(
      verdict === 'fails'
        ? { level: 'error', path, reason: `Invalid value: ${message}`, source: 'CEL' }
        : {
            level: 'warning',
            path,
            reason: `this rule was left to the API server: ${rule} (${verdict.why})`,
            source: 'CEL',
          },
    );
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      problems.push(...checkCelRules(cel, schema.items ?? {}, item, `${path}[${index}]`));
    }
  } else if (isFields(value)) {
    for (const [field, content] of Object.entries(value)) {
      const known = schemaOfField(schema, field);
      if (known === undefined) continue;
      problems.push(...checkCelRules(cel, known, content, path === '' ? field : `${path}.${field}`));
    }
  }
  return problems;
}
