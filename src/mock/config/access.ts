import type { MockUser } from '../authn/user.js';
import type { ChangeContext, Operation, ResourceKind } from '../resources/resource-kind.js';
import type { JsonObject } from '../json.js';
import { mcpdRefusal } from './refusal.js';

/** Kinds that only an administrator writes. */
const administrative: ReadonlySet<string> = new Set(['auth/partition', 'sys/db', 'sys/folder']);

/**
 * Whether a user may write an object. mcpd refuses with 400, where one would expect 403.
 *
 * A manager writes in its partition only, and there everything but the `metadata` of a virtual server.
 *
 * @throws Refusal 01070822
 */
export function checkAccess(
  context: ChangeContext,
  operation: Operation,
  kind: ResourceKind,
  partition: string | undefined,
  written: JsonObject,
): void {
  const { user } = context;
  const object = kind.mcpdName ?? kind.path.replaceAll(/[/-]/g, '_');
  if (!mayWrite(user, kind, partition)) throw denied(user, operation, object);
  const isManager = (user.role ?? 'admin') === 'manager';
  if (isManager && kind.path === 'ltm/virtual' && written['metadata'] !== undefined) {
    throw denied(user, operation, 'virtual_server_metadata');
  }
}

function mayWrite(user: MockUser, kind: ResourceKind, partition: string | undefined): boolean {
  const role = user.role ?? 'admin';
  if (role !== 'manager') return role === 'admin';
  if (administrative.has(kind.path)) return false;
  return user.partition === undefined || user.partition === partition;
}

function denied(user: MockUser, operation: Operation, object: string) {
  return mcpdRefusal(
    '01070822',
    `Access Denied: user (${user.name}) does not have ${operation} access to object (${object})`,
  );
}
