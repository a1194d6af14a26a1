import { effectiveMember, isPresent } from '../config/effective.js';
import type { ConfigObject } from '../config/configuration.js';
import { urlName } from '../config/object-name.js';
import { textOf } from '../json.js';
import type { Json, JsonObject } from '../json.js';
import { link, linkTo } from '../resources/link.js';
import type { Member, ResourceKind, Subcollection, View } from '../resources/resource-kind.js';
import type { ResourceTable } from '../resources/resource-table.js';
import { isSet } from '../resources/value-type.js';

/** How an answer is to look. */
export interface Rendering {
  readonly table: ResourceTable;
  readonly view: View;
  /** The request's query as the device repeats it in the selfLink of what was asked for; empty for parts of it. */
  readonly query: string;
  readonly expandSubcollections: boolean;
}

/** `tm:ltm:pool:poolstate`, `tm:ltm:pool:poolcollectionstate`, `tm:ltm:pool:poolstats`. */
export function kindName(path: string, suffix: string): string {
  const last = path.slice(path.lastIndexOf('/') + 1);
  return `tm:${path.replaceAll('/', ':')}:${last}${suffix}`;
}

/** The path of an object below `/mgmt/tm`. */
export function objectPath(object: ConfigObject): string {
  if (object.parent === undefined) return `${object.kind}/${urlName(object.name.fullPath)}`;
  const at = object.kind.lastIndexOf('/');
  const owner = `${object.kind.slice(0, at)}/${urlName(object.parent)}`;
  return `${owner}/${object.kind.slice(at + 1)}/${urlName(object.name.fullPath)}`;
}

/** An object in full: header, members in the order of its kind, and links to its subcollections. */
export function renderObject(object: ConfigObject, rendering: Rendering): JsonObject {
  const { view } = rendering;
  const kind = rendering.table.kind(object.kind);
  const { name } = object;
  const body: Record<string, Json> = { kind: kindName(kind.path, 'state'), name: name.name };
  if (name.partition !== undefined) body['partition'] = name.partition;
  if (name.subPath !== undefined) body['subPath'] = name.subPath;
  body['fullPath'] = name.fullPath;
  body['generation'] = object.generation;
  body['selfLink'] = link(objectPath(object), view.tmos, rendering.query);
  for (const member of kind.members) {
    if (isPresent(member, view.tmos)) Object.assign(body, renderMember(object, member, kind, view));
  }
  for (const subcollection of kind.subcollections ?? []) {
    if (!isPresent(subcollection, view.tmos)) continue;
    body[`${camelCase(subcollection.name)}Reference`] = renderReference(object, subcollection, rendering);
  }
  return body;
}

/** The members of a subcollection. */
export function renderChildren(
  object: ConfigObject,
  subcollection: Subcollection,
  rendering: Rendering,
): readonly JsonObject[] {
  const inner = { ...rendering, query: '', expandSubcollections: false };
  if (subcollection.kind !== undefined) {
    const children = rendering.view.configuration.children(subcollection.kind.path, object.name.fullPath);
    return children.map((child) => renderObject(child, inner));
  }
  const path = `${objectPath(object)}/${subcollection.name}`;
  return (subcollection.items?.(object, rendering.view) ?? []).map((item) => ({
    kind: kindName(`${object.kind}/${subcollection.name}`, 'state'),
    name: item['name'] ?? '',
    fullPath: item['name'] ?? '',
    generation: object.generation,
    selfLink: link(`${path}/${urlName(textOf(item['name']))}`, rendering.view.tmos),
    ...item,
  }));
}

function renderReference(
  object: ConfigObject,
  subcollection: Subcollection,
  rendering: Rendering,
): JsonObject {
  const items = rendering.expandSubcollections ? renderChildren(object, subcollection, rendering) : [];
  return {
    link: link(`${objectPath(object)}/${subcollection.name}`, rendering.view.tmos),
    isSubcollection: true,
    ...(items.length === 0 ? {} : { items }),
  };
}

function renderMember(object: ConfigObject, member: Member, kind: ResourceKind, view: View): JsonObject {
  const value = effectiveMember(object, member, kind, view);
  if (value === undefined) return {};
  const spelt = member.spell?.(value, view.tmos) ?? value;
  const { linked } = member.type;
  if (linked === undefined) return { [member.name]: spelt };
  const reference = referenceTo(value, linked, view);
  return {
    [member.name]: spelt,
    ...(reference === undefined ? {} : { [`${member.name}Reference`]: reference }),
  };
}

function referenceTo(value: Json, kinds: readonly string[], view: View): Json | undefined {
  const linkOf = (path: string): JsonObject => {
    const kind = kinds.find((candidate) => view.configuration.get(candidate, path) !== undefined) ?? kinds[0];
    return { link: linkTo(kind ?? '', path, view.tmos) };
  };
  if (Array.isArray(value))
    return value.length === 0 ? undefined : value.map((path: Json) => linkOf(textOf(path)));
  return isSet(value) ? linkOf(value) : undefined;
}

function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
