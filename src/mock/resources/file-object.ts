import { Secret } from '../../secret.js';
import { checksum } from '../certificate/file-content.js';
import type { FileContent } from '../certificate/file-content.js';
import type { ConfigObject } from '../config/configuration.js';
import { tmshRefusal } from '../config/refusal.js';
import type { Draft, Member } from './resource-kind.js';
import { member, readOnly } from './resource-kind.js';
import { integer, text } from './value-type.js';

/** `2023-05-29T13:51:43Z` */
export function deviceTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

export const checksumMember: Member = readOnly('checksum', text);
export const createdMembers: readonly Member[] = [
  readOnly('createTime', text),
  readOnly('createdBy', text),
  member('description', text),
];
export const storedMembers: readonly Member[] = [
  readOnly('lastUpdateTime', text),
  readOnly('mode', integer()),
  readOnly('revision', integer()),
];
export const sizeMember: Member = readOnly('size', integer());
export const updatedByMember: Member = readOnly('updatedBy', text);
export const sourcePathMember: Member = member('sourcePath', text);

/**
 * Reads the file that `sourcePath` names, on creation, on every write that carries `sourcePath`, and on every
 * PUT, also an empty one; each read that happens moves `revision`.
 *
 * @throws Refusal `Failed! exit_code (37)`, as curl exits on the device, when the file cannot be read.
 */
export function settleFile(
  draft: Draft,
  mode: number,
  parse: (file: Secret<Buffer>, object: ConfigObject) => FileContent,
): ConfigObject {
  const { object, before, context, written } = draft;
  const rereads = before === undefined || written['sourcePath'] !== undefined || draft.replaces;
  if (!rereads) return object;
  const sourcePath = object.own['sourcePath'];
  if (typeof sourcePath !== 'string') {
    if (before === undefined) throw tmshRefusal('one or more properties must be specified');
    return object;
  }
  const file = readSource(sourcePath, draft);
  const now = deviceTime(context.now);
  return {
    ...object,
    content: parse(file, object),
    own: {
      ...object.own,
      checksum: checksum(file.reveal()),
      size: file.reveal().length,
      mode,
      createTime: before?.own['createTime'] ?? now,
      createdBy: before?.own['createdBy'] ?? context.user.name,
      lastUpdateTime: now,
      updatedBy: context.user.name,
      revision: Number(before?.own['revision'] ?? 0) + 1,
    },
  };
}

function readSource(sourcePath: string, draft: Draft): Secret<Buffer> {
  if (/^https?:/.test(sourcePath)) throw tmshRefusal('Failed! exit_code (22).\n');
  const path = /^file:(?:\/\/)?(\/.*)$/.exec(sourcePath)?.[1];
  const file = path === undefined ? undefined : draft.context.readFile(path);
  if (file === undefined) throw tmshRefusal('Failed! exit_code (37).\n');
  return file;
}

/** The text of a file. */
export function asText(file: Secret<Buffer>): Secret {
  return new Secret(file.reveal().toString('utf8'));
}
