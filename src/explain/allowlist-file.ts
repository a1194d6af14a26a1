import { readFile } from 'node:fs/promises';
import { LineCounter, parseAllDocuments } from 'yaml';
import type { Allowlist, LineRefusal } from '../allowlist/allowlist.js';
import { mergeAllowlists } from '../allowlist/merge-allowlists.js';
import { parseAllowlist } from '../allowlist/parse-allowlist.js';
import type { AllowlistConfigMap } from '../allowlist/parse-allowlist.js';
import { AgentError } from '../errors.js';
import { systemErrorCode } from '../system-error.js';

/**
 * Reads an allowlist from a file; {@link parseAllowlistFile} says in which forms.
 *
 * @throws AgentError MESH_ERR_USAGE when the file cannot be read; MESH_ERR_ALLOWLIST_INVALID
 */
export async function loadAllowlistFile(file: string): Promise<Allowlist> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    throw new AgentError(
      'MESH_ERR_USAGE',
      `${file} cannot be read (${code})`,
      'give the path of an allowlist with --allowlist',
    );
  }
  return parseAllowlistFile(text, file);
}

/**
 * Reads ConfigMaps as `kubectl get -o yaml` or `-o json` prints them (one, several documents, or a List; they add
 * up), the data of one alone (`allow`, `deny`, `mode`), or plain text with one allowed entry a line.
 *
 * An entry's origin has an empty ConfigMap name where the file names none.
 *
 * @param file is only named in errors.
 * @throws AgentError MESH_ERR_ALLOWLIST_INVALID, one line a fault: nothing is decided on a list that is half read,
 *   because the missing line could be a deny entry.
 */
export function parseAllowlistFile(text: string, file: string): Allowlist {
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const isYaml = hasStructure(content);
  const configMaps = isYaml
    ? configMapsOf(parseYaml(content, file), file)
    : [{ namespace: '', name: '', data: { allow: content } }];
  const parsed = configMaps.map(parseAllowlist);
  const refusals = parsed.flatMap((part) => part.refusals);
  if (refusals.length > 0) {
    throw invalid(refusals.map((refusal) => `${file}: ${place(refusal, isYaml)}: ${refusal.reason}`));
  }
  return mergeAllowlists(parsed.map(({ allowlist }) => allowlist));
}

/** The trust domains whose callers a list admits, when nobody says which ones a mesh has. */
export function trustDomainsNamed({ allow }: Allowlist): readonly string[] {
  return [...new Set(allow.map(({ trustDomain }) => trustDomain))].toSorted();
}

/** YAML or JSON begins with a key, a bracket or a document mark. No entry does: in `spiffe://` no blank follows. */
function hasStructure(text: string): boolean {
  const first = text.split(/\r?\n/).find((line) => !/^[ \t]*(?:#|$)/.test(line)) ?? '';
  return /^(?:---(?:\s|$)|%|[{[]|(?:"[^"]*"|'[^']*'|[A-Za-z][\w.-]*)[ \t]*:(?:[ \t]|$))/.test(first);
}

function parseYaml(text: string, file: string): unknown[] {
  const lineCounter = new LineCounter();
  const documents = [...parseAllDocuments(text, { lineCounter, prettyErrors: false })];
  const faults = documents.flatMap(({ errors }) => errors);
  if (faults.length > 0) {
    throw invalid(
      faults.map(({ pos, message }) => {
        const { line, col } = lineCounter.linePos(pos[0]);
        return `${file}:${line}:${col}: ${message}`;
      }),
    );
  }
  try {
    return documents.map((document) => document.toJS() as unknown);
  } catch {
    throw invalid([`${file}: its aliases unfold into too much`]);
  }
}

/** Refuses what is none: a misspelt `kind` must not make a deny list vanish. */
function configMapsOf(objects: readonly unknown[], file: string): AllowlistConfigMap[] {
  return objects.flatMap((object) => {
    if (object === null || object === undefined) return [];
    if (!isMapping(object))
      throw invalid([`${file}: it holds something that is neither a ConfigMap nor its data`]);
    const { kind, items } = object;
    if ((kind === 'List' || kind === 'ConfigMapList') && Array.isArray(items))
      return configMapsOf(items, file);
    if (kind === undefined && !isMapping(object['data'])) return [configMap({ data: object }, file)];
    if (kind === undefined || kind === 'ConfigMap') return [configMap(object, file)];
    throw invalid([`${file}: it holds a ${JSON.stringify(kind)}; give ConfigMaps only`]);
  });
}

function configMap({ metadata, data, binaryData }: Mapping, file: string): AllowlistConfigMap {
  const { namespace, name } = isMapping(metadata) ? metadata : {};
  if (data !== undefined && data !== null && !isMapping(data))
    throw invalid([`${file}: data is not a mapping of keys to texts`]);
  const texts = Object.entries(data ?? {}).map(([key, value]) => {
    if (value !== null && typeof value !== 'string') {
      throw invalid([
        `${file}: ${key} is not text; write "${key}: |" and one entry a line below it, indented`,
      ]);
    }
    return [key, value ?? ''];
  });
  return {
    namespace: typeof namespace === 'string' ? namespace : '',
    name: typeof name === 'string' ? name : '',
    data: Object.fromEntries(texts) as Record<string, string>,
    ...(isMapping(binaryData) ? { binaryData } : {}),
  };
}

type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function place({ namespace, configMap, key, line }: LineRefusal, hasKeys: boolean): string {
  const name = namespace === '' ? configMap : `${namespace}/${configMap}`;
  const parts = [
    ...(configMap === '' ? [] : [`ConfigMap ${name},`]),
    ...(hasKeys ? [key] : []),
    ...(line === undefined ? [] : [`line ${line}`]),
  ];
  return parts.join(' ');
}

function invalid(messages: readonly string[]): AgentError {
  return new AgentError(
    'MESH_ERR_ALLOWLIST_INVALID',
    messages.join('\n'),
    'mend the allowlist and ask again',
  );
}
