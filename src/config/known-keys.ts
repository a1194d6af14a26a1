import { z } from 'zod';
import { agentConfigSchema } from './schema.js';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
}

/** The config file's JSON Schema, as published in docs/reference/config.schema.json. */
export function configJsonSchema(): object {
  return z.toJSONSchema(agentConfigSchema, { io: 'input', unrepresentable: 'any' });
}

/** The keys that may stand at a path of the config file; empty where any may. */
export function knownKeys(path: ReadonlyArray<string | number>): string[] {
  return Object.keys(schemaAt(path)?.properties ?? {});
}

/** Whether what stands at the path must stand there: a key without a default, or an entry of a list. */
export function isRequired(path: ReadonlyArray<string | number>): boolean {
  const last = path.at(-1);
  if (typeof last !== 'string') return true;
  return schemaAt(path.slice(0, -1))?.required?.includes(last) === true;
}

function schemaAt(path: ReadonlyArray<string | number>): JsonSchema | undefined {
  let schema: JsonSchema | undefined = configJsonSchema();
  for (const step of path) {
    schema = typeof step === 'number' ? schema?.items : schema?.properties?.[step];
  }
  return schema;
}
