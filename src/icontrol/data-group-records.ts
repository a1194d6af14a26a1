import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import type { Command } from './request.js';
import { resourcePath } from './resource-path.js';
import type { ResourceId } from './resource-path.js';

export interface DataGroupRecord {
  readonly name: string;
  /** Empty when the key alone matters. */
  readonly data: string;
}

const kind = 'ltm/data-group/internal';
/** Apache takes request lines of 8,190 bytes. */
const longestQuery = 7000;
// The query is tmsh text: blanks, braces, quotes and semicolons would be read as its grammar.
const word = /^[A-Za-z0-9][A-Za-z0-9:/._+@=-]*$/;

/**
 * Commands that add single records and leave the others alone: a PATCH of `records` would replace them all.
 *
 * Adding a key that is there is refused by the device (01020066), which is right: somebody else writes too.
 */
export function addRecords(id: ResourceId, records: readonly DataGroupRecord[]): Parsed<readonly Command[]> {
  return recordCommands(
    id,
    'add',
    records.flatMap(({ name, data }) => (data === '' ? [name] : [name, data])),
    records.map(({ name, data }) => (data === '' ? `${name} { }` : `${name} { data ${data} }`)),
  );
}

/** Commands that give single records new data. */
export function modifyRecords(
  id: ResourceId,
  records: readonly DataGroupRecord[],
): Parsed<readonly Command[]> {
  return recordCommands(
    id,
    'modify',
    records.flatMap(({ name, data }) => [name, data]),
    records.map(({ name, data }) => `${name} { data ${data} }`),
  );
}

/** Commands that remove single records by their keys. */
export function deleteRecords(id: ResourceId, names: readonly string[]): Parsed<readonly Command[]> {
  return recordCommands(id, 'delete', names, names);
}

/** @returns a refusal when a word could be read as something else; the caller then replaces the whole list */
function recordCommands(
  id: ResourceId,
  verb: 'add' | 'modify' | 'delete',
  words: readonly string[],
  entries: readonly string[],
): Parsed<readonly Command[]> {
  const wrong = words.find((candidate) => !word.test(candidate));
  if (wrong !== undefined) return refused(`"${wrong}" cannot be written as a single record`);
  return accepted(
    splitToFit(entries).map((some) => ({
      method: 'PATCH',
      path: `${resourcePath(kind, id)}?options=${encodeURIComponent(`records ${verb} { ${some.join(' ')} }`)}`,
      body: { name: id.name },
    })),
  );
}

function splitToFit(entries: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = [];
  let length = longestQuery;
  for (const entry of entries) {
    const added = encodeURIComponent(`${entry} `).length;
    if (length + added > longestQuery) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1)?.push(entry);
    length += added;
  }
  return groups;
}
