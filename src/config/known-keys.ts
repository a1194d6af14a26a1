import { z } from 'zod';
import { agentConfigSchema } from './schema.js';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

/** The config file's JSON Schema, as published in docs/reference/config.schema.json. */
export function configJsonSchema(): object {
  return z.toJSONSchema(agentConfigSchema, { io: 'input', unrepresentable: 'any' });
}

/** The keys that may stand at a path of the config file; empty where any may. */
export function knownKeys(path: ReadonlyArray<string | number>): string[] {
  let schema: JsonSchema | undefined = configJsonSchema();
  for (const step of path) {
    schema = typeof step === 'number' ? schema?.items : schema?.properties?.[step];
  }
  return Object.keys(schema?.properties ?? {});
}
