import { readFile } from 'node:fs/promises';
import { AgentError } from '../errors.js';
import { systemErrorCode } from '../system-error.js';
import { ConfigDocument } from './config-document.js';
import { contradictions } from './contradictions.js';
import type { ConfigIssue } from './contradictions.js';
import { knownKeys } from './known-keys.js';
import { nearest } from './nearest.js';
import { agentConfigSchema } from './schema.js';
import type { AgentConfig } from './schema.js';
import { describeFault } from './schema-fault.js';

/**
 * Reads and checks the config file.
 *
 * @returns the config, frozen to its depth
 * @throws AgentError MESH_ERR_CONFIG_UNREADABLE; MESH_ERR_CONFIG_INVALID with one line a fault, each with file,
 *   line and column
 */
export async function loadConfig(file: string): Promise<AgentConfig> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    throw new AgentError(
      'MESH_ERR_CONFIG_UNREADABLE',
      `${file} cannot be read (${code})`,
      'give the path of the config file with -f',
    );
  }
  return parseConfig(text, file);
}

/** The pure half of {@link loadConfig}; `file` is only named in errors. */
export function parseConfig(text: string, file: string): AgentConfig {
  const document = ConfigDocument.parse(text, file);
  if (!document.ok) throw invalid([document.reason]);
  const parsed = agentConfigSchema.safeParse(document.value.value, { error: describeFault });
  const issues: readonly SchemaFault[] = parsed.success
    ? contradictions(parsed.data)
    : withoutConsequences(parsed.error.issues.flatMap(faultsOf), document.value);
  if (!parsed.success || issues.length > 0) {
    throw invalid(issues.map((issue) => renderFault(issue, document.value)));
  }
  return deepFreeze(parsed.data);
}

type SchemaIssue = Extract<
  ReturnType<typeof agentConfigSchema.safeParse>,
  { success: false }
>['error']['issues'][number];

interface SchemaFault extends ConfigIssue {
  /** The key is wrong, whatever its value; with the key that was probably meant, which is then not missing. */
  readonly unknownKey?: { readonly meant: ConfigIssue['path'] | undefined };
}

function faultsOf(issue: SchemaIssue): SchemaFault[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  const known = knownKeys(path);
  return issue.keys.map((key) => {
    const suggestion = nearest(key, known);
    const hint =
      suggestion === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${suggestion}"?`;
    return {
      path: [...path, key],
      message: `is an unknown key; ${hint}`,
      unknownKey: { meant: suggestion === undefined ? undefined : [...path, suggestion] },
    };
  });
}

/** One fault a value, and none for a key that stands there misspelt. */
function withoutConsequences(faults: readonly SchemaFault[], document: ConfigDocument): SchemaFault[] {
  const meant = faults.flatMap(({ unknownKey }) =>
    unknownKey?.meant === undefined ? [] : [unknownKey.meant],
  );
  const told = new Set(meant.filter((path) => !document.has(path)).map((path) => path.join('.')));
  return faults.filter(({ path }) => {
    const key = path.join('.');
    const isNew = !told.has(key);
    told.add(key);
    return isNew;
  });
}

function renderFault({ path, message, unknownKey }: SchemaFault, document: ConfigDocument): string {
  const position = unknownKey === undefined ? document.positionOf(path) : document.positionOfKey(path);
  return `${position}: ${renderPath(path)}${message}`;
}

function renderPath(path: ConfigIssue['path']): string {
  const text = path.reduce<string>(
    (soFar, step) => (typeof step === 'number' ? `${soFar}[${step}]` : `${soFar}.${step}`),
    '',
  );
  return text === '' ? '' : `${text.slice(1)} `;
}

function invalid(messages: readonly string[]): AgentError {
  return new AgentError('MESH_ERR_CONFIG_INVALID', messages.join('\n'), 'mend the config file and run again');
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
