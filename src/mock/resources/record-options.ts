import type { ConfigObject } from '../config/configuration.js';
import { notFound, tmshRefusal } from '../config/refusal.js';
import { canonicalKey, itemTitle, recordsOf } from './data-group-records.js';
import type { DataGroupRecord, DataGroupType } from './data-group-records.js';

/**
 * Carries out `?options=records add { key { data value } }` and its kin on a data group: `add`, `modify`,
 * `delete` and `replace-all-with`, which name single records and leave the others alone.
 *
 * @throws Refusal 409 for a record that is there, 404 for one that is not, 400 for other arguments.
 */
export function applyRecordOptions(object: ConfigObject, options: string): ConfigObject {
  const [property, verb, ...rest] = tokens(options);
  if (object.kind !== 'ltm/data-group/internal' || property !== 'records') {
    throw tmshRefusal(`Syntax Error: "${property ?? ''}" unexpected argument`);
  }
  const changes = verb === 'none' ? [] : parseRecords(rest);
  const records = changeRecords(object, verb ?? '', changes);
  return { ...object, own: { ...object.own, records } };
}

function changeRecords(
  object: ConfigObject,
  verb: string,
  changes: readonly DataGroupRecord[],
): readonly DataGroupRecord[] {
  const type = (object.own['type'] ?? 'string') as DataGroupType;
  const before = recordsOf(object.own['records']);
  const named = changes.map((change) => ({
    ...change,
    name: canonicalKey(type, change.name) ?? change.name,
  }));
  const known = new Set(before.map((record) => record.name));
  const title = itemTitle(type);
  const inWords = (name: string) => `${object.name.fullPath} ${name}`;
  switch (verb) {
    case 'add':
      // One that is there already is refused with every other double key, when the records are checked.
      return [...before, ...named];
    case 'modify':
    case 'delete': {
      for (const { name } of named) if (!known.has(name)) throw notFound(title, inWords(name));
      const changed = new Map(named.map((record) => [record.name, record]));
      if (verb === 'delete') return before.filter((record) => !changed.has(record.name));
      return before.map((record) => changed.get(record.name) ?? record);
    }
    case 'replace-all-with':
      return named;
    case 'none':
      return [];
    default:
      throw tmshRefusal(`Syntax Error: "${verb}" unexpected argument`);
  }
}

/** `{ k1 { data v1 } k2 { } k3 }` */
function parseRecords(words: readonly string[]): readonly DataGroupRecord[] {
  if (words[0] !== open || words.at(-1) !== close) throw tmshRefusal('Syntax Error: missing brace');
  const records: DataGroupRecord[] = [];
  const inner = words.slice(1, -1);
  for (let at = 0; at < inner.length;) {
    const name = inner[at] ?? '';
    if (name === open || name === close) throw tmshRefusal('Syntax Error: unexpected brace');
    if (inner[at + 1] !== open) {
      records.push({ name, data: '' });
      at += 1;
      continue;
    }
    const end = inner.indexOf(close, at);
    if (end === -1) throw tmshRefusal('Syntax Error: missing brace');
    const [attribute, data = '', ...more] = inner.slice(at + 2, end);
    if ((attribute !== undefined && attribute !== 'data') || more.length > 0) {
      throw tmshRefusal(`Syntax Error: "${more[0] ?? attribute}" unexpected argument`);
    }
    records.push({ name, data });
    at = end + 1;
  }
  return records;
}

/** Braces as words of their own, which no key can be. */
const open = '\u0000{';
const close = '\u0000}';

/** Words of a tmsh line: bare, in double quotes, or with backslash escapes; braces stand for themselves. */
function tokens(line: string): readonly string[] {
  const words: string[] = [];
  const pattern = /\s*(?:([{}])|"((?:[^"\\]|\\.)*)"|((?:[^\s{}"\\]|\\.)+))/gsy;
  const text = line.trim();
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) throw tmshRefusal('Syntax Error: unterminated quote');
    const [, brace, quoted, bare] = match;
    if (brace !== undefined) words.push(brace === '{' ? open : close);
    else words.push((quoted ?? bare ?? '').replaceAll(/\\(.)/gs, '$1'));
  }
  return words;
}
