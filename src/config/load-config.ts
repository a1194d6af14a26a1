import { readFile } from 'node:fs/promises';
import { LineCounter, isNode, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { AgentError } from '../errors.js';
import { contradictions } from './contradictions.js';
import type { ConfigIssue } from './contradictions.js';
import { nearest } from './nearest.js';
import { agentConfigSchema } from './schema.js';
import type { AgentConfig } from './schema.js';
import { knownKeys } from './known-keys.js';

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
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
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
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) {
    throw invalid([`${position(file, lines, syntaxError.pos[0])}: ${syntaxError.message}`]);
  }

  const parsed = agentConfigSchema.safeParse(document.toJS());
  const issues: readonly ConfigIssue[] = parsed.success
    ? contradictions(parsed.data)
    : withoutConsequences(parsed.error.issues.flatMap(describeIssue));
  if (!parsed.success || issues.length > 0) {
    throw invalid(
      issues.map(
        ({ path, message }) => `${locate(file, document, lines, path)}: ${renderPath(path)}${message}`,
      ),
    );
  }
  return deepFreeze(parsed.data);
}

type SchemaIssue = Extract<
  ReturnType<typeof agentConfigSchema.safeParse>,
  { success: false }
>['error']['issues'][number];

/** An issue that may explain another one: the key that was meant is then not reported as missing. */
interface DescribedIssue extends ConfigIssue {
  readonly meant?: ConfigIssue['path'];
}

function withoutConsequences(issues: readonly DescribedIssue[]): ConfigIssue[] {
  const meant = new Set(
    issues.flatMap((issue) => (issue.meant === undefined ? [] : [issue.meant.join('.')])),
  );
  return issues.filter(
    ({ path, message }) => !(message.startsWith('is missing') && meant.has(path.join('.'))),
  );
}

function describeIssue(issue: SchemaIssue): DescribedIssue[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path);
    return issue.keys.map((key) => {
      const suggestion = nearest(key, known);
      const hint =
        suggestion === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${suggestion}"?`;
      return {
        path: [...path, key],
        message: `is an unknown key; ${hint}`,
        ...(suggestion === undefined ? {} : { meant: [...path, suggestion] }),
      };
    });
  }
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) {
    return [{ path, message: `is missing (${issue.expected})` }];
  }
  return [{ path, message: issue.message }];
}

function renderPath(path: ConfigIssue['path']): string {
  const text = path.reduce<string>(
    (soFar, step) => (typeof step === 'number' ? `${soFar}[${step}]` : `${soFar}.${step}`),
    '',
  );
  return text === '' ? '' : `${text.slice(1)} `;
}

/** The position of the node at the path, or of its nearest ancestor that is written in the file. */
function locate(file: string, document: Document, lines: LineCounter, path: ConfigIssue['path']): string {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return position(file, lines, node.range[0]);
  }
  return position(file, lines, 0);
}

function position(file: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${file}:${line}:${col}`;
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
