import type { Json, JsonObject } from '../json.js';
import { isJsonObject, textOf } from '../json.js';
import { applyRecordOptions } from '../resources/record-options.js';
import type { ChangeContext, ResourceKind } from '../resources/resource-kind.js';
import type { WriteContext } from '../resources/value-type.js';
import { checkAccess } from './access.js';
import { acceptMembers, keptByReplace, writtenMembers } from './accept-members.js';
import type { Command, Target } from './command.js';
import type { ConfigObject, Configuration } from './configuration.js';
import { bareName, folderOf, parseFullPath } from './object-name.js';
import type { ObjectName } from './object-name.js';
import { alreadyExists, mcpdRefusal, notFound, tmshRefusal } from './refusal.js';

/** The outcome of one command: the next configuration, and the object that the answer shows. */
export interface Changed {
  readonly configuration: Configuration;
  readonly object?: ConfigObject;
}

/**
 * Applies one command to a configuration and gives the next one; the given one stays as it is.
 *
 * References are not checked here but when the change as a whole is validated, so that a transaction may
 * pass through states that would be refused by themselves.
 *
 * @throws Refusal
 */
export function applyCommand(
  configuration: Configuration,
  command: Command,
  context: ChangeContext,
): Changed {
  const { kind } = command.target;
  const operation = command.method === 'POST' ? 'create' : command.method === 'DELETE' ? 'delete' : 'modify';
  if (!kind.operations.includes(operation)) {
    throw tmshRefusal(`The "${operation}" operation is not supported by ${kind.path}.`);
  }
  const numbered = configuration.withNextGeneration();
  if (operation === 'create') return create(numbered, command, context);
  if (operation === 'modify') return modify(numbered, command, context);
  return remove(numbered, existing(numbered, command.target), kind, context);
}

function create(configuration: Configuration, command: Command, context: ChangeContext): Changed {
  const { target, body } = command;
  const { kind } = target;
  if (target.fullPath !== undefined) throw tmshRefusal('one or more properties must be specified');
  if (Object.keys(body).length === 0) throw tmshRefusal('one or more properties must be specified');
  const parent = parentOf(configuration, target);
  const name = nameOf(kind, body, parent, configuration, context);
  checkAccess(context, 'create', kind, parent?.name.partition ?? name.partition, body);
  if (kind.naming === 'partitioned' && parent === undefined) requireFolder(configuration, folderOf(name));
  const twin = configuration.get(kind.path, name.fullPath, target.parent);
  if (twin !== undefined) {
    if (kind.duplicate !== undefined) throw kind.duplicate(twin, body);
    throw alreadyExists(kind.title, titled(kind, name.fullPath, target.parent), name.partition ?? 'Common');
  }
  const object: ConfigObject = {
    kind: kind.path,
    name,
    ...(target.parent === undefined ? {} : { parent: target.parent }),
    generation: configuration.generation,
    own: {},
    secrets: {},
  };
  return write(configuration, { kind, body, object, before: undefined, replaces: false, context });
}

function modify(configuration: Configuration, command: Command, context: ChangeContext): Changed {
  const { target, body, options } = command;
  const before = existing(configuration, target);
  const { kind } = target;
  checkAccess(context, 'modify', kind, partitionOf(before), body);
  const replaces = command.method === 'PUT';
  if (options !== undefined) {
    const next = { ...applyRecordOptions(before, options), generation: configuration.generation };
    const named = Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'name'));
    return write(configuration, { kind, body: named, object: next, before, replaces: false, context });
  }
  if (!replaces && Object.keys(body).length === 0)
    throw tmshRefusal('one or more properties must be specified');
  const object = { ...before, generation: configuration.generation };
  return write(configuration, { kind, body, object, before, replaces, context });
}

interface Write {
  readonly kind: ResourceKind;
  readonly body: JsonObject;
  /** What the body is written onto. */
  readonly object: ConfigObject;
  readonly before: ConfigObject | undefined;
  readonly replaces: boolean;
  readonly context: ChangeContext;
}

function write(configuration: Configuration, request: Write): Changed {
  const { kind, body, before, replaces, context } = request;
  const partition = request.object.name.partition ?? 'Common';
  const writeContext: WriteContext = { configuration, partition, tmos: context.tmos };
  const onto = replaces ? keptByReplace(kind, request.object.own) : request.object.own;
  const written = writtenMembers(kind, body, writeContext);
  const own = { ...parentOfNew(kind, before), ...acceptMembers(kind, body, before?.own, onto, writeContext) };
  const accepted: ConfigObject = { ...request.object, own };
  const draft = { object: accepted, before, replaces, configuration, written, context };
  const object = kind.settle?.(draft) ?? accepted;
  let next = configuration.with(object);
  for (const subcollection of kind.subcollections ?? []) {
    const items = body[subcollection.name];
    if (items === undefined || subcollection.kind === undefined) continue;
    next = replaceChildren(next, object, subcollection.kind, items, context);
  }
  next = kind.follow?.(next, { before, after: object, context }) ?? next;
  return { configuration: next, object };
}

/** A new profile inherits from the base profile of its kind unless it says otherwise. */
function parentOfNew(kind: ResourceKind, before: ConfigObject | undefined): Readonly<Record<string, Json>> {
  const parent = before === undefined ? kind.base : before.own['defaultsFrom'];
  return kind.base === undefined || parent === undefined ? {} : { defaultsFrom: parent };
}

function replaceChildren(
  configuration: Configuration,
  parent: ConfigObject,
  kind: ResourceKind,
  items: Json,
  context: ChangeContext,
): Configuration {
  if (!Array.isArray(items))
    throw tmshRefusal(`invalid property value "${kind.path}":${JSON.stringify(items)}`);
  let next = configuration;
  for (const child of configuration.children(kind.path, parent.name.fullPath)) next = next.without(child);
  for (const item of items as readonly Json[]) {
    const body = isJsonObject(item) ? item : { name: item };
    const target = { kind, parent: parent.name.fullPath };
    next = create(next, { method: 'POST', target, body }, context).configuration;
  }
  return next;
}

function remove(
  configuration: Configuration,
  object: ConfigObject,
  kind: ResourceKind,
  context: ChangeContext,
): Changed {
  checkAccess(context, 'delete', kind, partitionOf(object), {});
  if (object.name.fullPath === kind.base) {
    throw mcpdRefusal(
      '01070734',
      `Configuration error: The default ${kind.title} (${kind.base}) cannot be deleted.`,
    );
  }
  let next = configuration.without(object);
  for (const subcollection of kind.subcollections ?? []) {
    if (subcollection.kind === undefined) continue;
    for (const child of next.children(subcollection.kind.path, object.name.fullPath))
      next = next.without(child);
  }
  return { configuration: kind.follow?.(next, { before: object, after: undefined, context }) ?? next };
}

/** @throws Refusal 404 in the words of the kind when the object, or its parent, does not exist. */
export function existing(configuration: Configuration, target: Target): ConfigObject {
  const { kind, fullPath, parent } = target;
  if (fullPath === undefined) throw tmshRefusal('one or more properties must be specified');
  parentOf(configuration, target);
  const object = configuration.get(kind.path, fullPath, parent);
  if (object === undefined) throw notFound(kind.title, titled(kind, fullPath, parent));
  return object;
}

/** The partition that decides about access; members of a subcollection are in that of their owner. */
function partitionOf(object: ConfigObject): string | undefined {
  return object.parent === undefined ? object.name.partition : parseFullPath(object.parent).partition;
}

function parentOf(configuration: Configuration, target: Target): ConfigObject | undefined {
  if (target.parent === undefined) return undefined;
  const parentKind = target.kind.path.slice(0, target.kind.path.lastIndexOf('/'));
  const parent = configuration.get(parentKind, target.parent);
  if (parent !== undefined) return parent;
  // A member of a missing pool is refused in lower case: "The requested pool (...) was not found."
  throw notFound(parentKind.slice(parentKind.lastIndexOf('/') + 1), target.parent);
}

/** How a refusal names an object: a pool member is `/P/POOL /P/1.1.1.1 80`. */
function titled(kind: ResourceKind, fullPath: string, parent: string | undefined): string {
  if (parent === undefined) return fullPath;
  const spelt = kind.path === 'ltm/pool/members' ? fullPath.replace(/[:.]([^:.]+)$/, ' $1') : fullPath;
  return `${parent} ${spelt}`;
}

function nameOf(
  kind: ResourceKind,
  body: JsonObject,
  parent: ConfigObject | undefined,
  configuration: Configuration,
  context: ChangeContext,
): ObjectName {
  const { name, subPath } = body;
  if (typeof name !== 'string' || name === '') throw tmshRefusal('one or more properties must be specified');
  if (/[\s"'{}\\]/.test(name) || name.includes('//')) {
    throw mcpdRefusal('01070734', `Configuration error: Invalid object name ${JSON.stringify(name)}.`);
  }
  if (kind.naming === 'bare') return bareName(name);
  if (parent !== undefined && kind.nameChild !== undefined) {
    const partition = parent.name.partition ?? 'Common';
    return parseFullPath(kind.nameChild(body, parent, { configuration, partition, tmos: context.tmos }));
  }
  if (name.startsWith('/')) return kind.naming === 'folder' ? folderName(name) : parseFullPath(name);
  const partition = body['partition'] ?? parent?.name.partition ?? 'Common';
  const folder = typeof subPath === 'string' ? `/${textOf(partition)}/${subPath}` : `/${textOf(partition)}`;
  return kind.naming === 'folder' ? folderName(`${folder}/${name}`) : parseFullPath(`${folder}/${name}`);
}

/** A partition's folder stands in `/`; other folders are named like every object. */
export function folderName(fullPath: string): ObjectName {
  const name = parseFullPath(fullPath);
  return name.name === '' || fullPath.lastIndexOf('/') === 0
    ? { name: fullPath.slice(1), subPath: '/', fullPath }
    : name;
}

function requireFolder(configuration: Configuration, folder: string): void {
  if (configuration.get('sys/folder', folder) !== undefined) return;
  throw tmshRefusal(`The requested folder (${folder}) was not found.`);
}
