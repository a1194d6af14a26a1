import type { ConfigObject } from '../config/configuration.js';
import { textOf } from '../json.js';
import { mcpdRefusal, tmshRefusal } from '../config/refusal.js';
import {
  asText,
  checksumMember,
  createdMembers,
  settleFile,
  sizeMember,
  sourcePathMember,
  storedMembers,
  updatedByMember,
} from './file-object.js';
import type { DataGroupRecord, DataGroupType } from './data-group-records.js';
import { canonicalRecords, recordsOf } from './data-group-records.js';
import type { ResourceKind } from './resource-kind.js';
import { defaulted, member } from './resource-kind.js';
import { listOf, oneOf, record, reference, text } from './value-type.js';

const dataGroupType = oneOf('string', 'ip', 'integer');

/** `ltm/data-group/internal`: records of the configuration itself. An empty one shows no `records`. */
export const internalDataGroup: ResourceKind = {
  path: 'ltm/data-group/internal',
  title: 'value list',
  mcpdName: 'class',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    member('description', text),
    member('type', dataGroupType, { access: 'create' }),
    member('records', listOf(record({ name: { type: text }, data: { type: text, default: '' } }))),
  ],
  settle: ({ object }) => {
    const type = object.own['type'];
    if (type === undefined) throw tmshRefusal('one or more properties must be specified');
    const records = canonicalRecords(type as DataGroupType, recordsOf(object.own['records']), object.name);
    const { records: _written, ...rest } = object.own;
    return {
      ...object,
      own: records.length === 0 ? rest : { ...rest, records },
    };
  },
};

/** `sys/file/data-group`: the file behind an external data group. */
export const dataGroupFile: ResourceKind = {
  path: 'sys/file/data-group',
  title: 'data-group file',
  mcpdName: 'data_group_file_object',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    checksumMember,
    ...createdMembers,
    member('dataGroupName', text),
    ...storedMembers,
    defaulted('separator', text, ':='),
    sizeMember,
    member('type', dataGroupType, { access: 'create' }),
    updatedByMember,
    sourcePathMember,
  ],
  settle: (draft) =>
    settleFile(draft, 33_188, (file, object) => {
      const content = asText(file).reveal();
      return { type: 'records', text: content, records: readRecords(content, object) };
    }),
};

/** `ltm/data-group/external`: a data group whose records are in a file. */
export const externalDataGroup: ResourceKind = {
  path: 'ltm/data-group/external',
  title: 'value list',
  mcpdName: 'class',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    member('description', text),
    member('externalFileName', reference('sys/file/data-group')),
    member('type', dataGroupType, {
      access: 'read',
      derive: (object, view) => {
        const file = view.configuration.get('sys/file/data-group', textOf(object.own['externalFileName']));
        return file?.own['type'] ?? 'string';
      },
    }),
  ],
  settle: ({ object }) => {
    if (object.own['externalFileName'] === undefined) {
      throw tmshRefusal('one or more properties must be specified');
    }
    return object;
  },
};

/** The records of a data group file, checked as those of a data group. */
export function readRecords(content: string, object: ConfigObject): readonly DataGroupRecord[] {
  const records = parseRecordLines(content, textOf(object.own['separator'] ?? ':='));
  const type = (object.own['type'] ?? 'string') as DataGroupType;
  return canonicalRecords(type, records, object.name);
}

/** Lines of the form `"key" := "value",`; the value may be missing. */
function parseRecordLines(content: string, separator: string): readonly DataGroupRecord[] {
  const lines = content.split('\n').map((line) => line.trim().replace(/,$/, ''));
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [key = '', ...value] = line.split(separator);
      const name = unquote(key);
      if (name === '') throw mcpdRefusal('01070712', `The data group file has a line without a key.`);
      return { name, data: unquote(value.join(separator)) };
    });
}

function unquote(word: string): string {
  const trimmed = word.trim();
  return /^".*"$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}
