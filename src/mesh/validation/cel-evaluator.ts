import { Environment } from '@marcbachmann/cel-js';

import type { CelRules, CelVerdict } from './check-cel-rules.js';
import { isFields, schemaOfField } from './structural-schema.js';
import type { StructuralSchema } from './structural-schema.js';

type Rule = (context: { readonly self: unknown }) => unknown;

/** Evaluates the rules of custom resource definitions; each is parsed once. */
export class CelEvaluator implements CelRules {
  readonly #environment = new Environment({ unlistedVariablesAreDyn: false }).registerVariable('self', 'dyn');
  readonly #rules = new Map<string, Rule | { readonly why: string }>();

  evaluate(rule: string, self: unknown, schema: StructuralSchema): CelVerdict {
    const parsed = this.#parsed(rule);
    if (typeof parsed !== 'function') return parsed;
    try {
      return parsed({ self: celValue(self, schema) }) === true ? 'holds' : 'fails';
    } catch {
      // A rule that ends in an error refuses the value, as with the API server.
      return 'fails';
    }
  }

  #parsed(rule: string): Rule | { readonly why: string } {
    const known = this.#rules.get(rule);
    if (known !== undefined) return known;
    const parsed = this.#parse(rule);
    this.#rules.set(rule, parsed);
    return parsed;
  }

  #parse(rule: string): Rule | { readonly why: string } {
    try {
      const { valid, error } = this.#environment.check(rule);
      if (!valid) return { why: error?.message.split('\n')[0] ?? 'it is not valid here' };
      return this.#environment.parse(rule);
    } catch (error) {
      return { why: error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'it cannot be parsed' };
    }
  }
}

/** Words that a rule cannot use as the name of a field, and writes as `__word__`. */
const reserved =
  /^(true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void|while)$/;

/**
 * A value in the types that CEL gives it: whole numbers are `int`, times are timestamps, declared fields have names
 * that an expression can hold.
 *
 * Source: k8s.io/apiserver, pkg/cel (escaping.go, types.go).
 */
function celValue(value: unknown, schema: StructuralSchema): unknown {
  if (typeof value === 'number') {
    const isWhole = schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true;
    return isWhole && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (typeof value === 'string') return schema.format === 'date-time' ? new Date(value) : value;
  if (Array.isArray(value)) return value.map((item) => celValue(item, schema.items ?? {}));
  if (!isFields(value)) return value;
  const declared = schema.properties ?? {};
  return Object.fromEntries(
    Object.entries(value).map(([field, content]) => [
      Object.hasOwn(declared, field) ? escapeField(field) : field,
      celValue(content, schemaOfField(schema, field) ?? {}),
    ]),
  );
}

function escapeField(field: string): string {
  if (reserved.test(field)) return `__${field}__`;
  return field
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}
