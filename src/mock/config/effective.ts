import { isAtLeast } from '../tmos-version.js';
import type { TmosVersion } from '../tmos-version.js';
import type { Json } from '../json.js';
import type { Health, Member, ResourceKind, View } from '../resources/resource-kind.js';
import type { ConfigObject, Configuration } from './configuration.js';
import type { ResourceTable } from '../resources/resource-table.js';

/** Whether a TMOS release has a member or subcollection at all. */
export function isPresent(
  part: { readonly since?: string; readonly until?: string },
  tmos: TmosVersion,
): boolean {
  if (part.since !== undefined && !isAtLeast(tmos, part.since)) return false;
  return part.until === undefined || !isAtLeast(tmos, part.until);
}

/** How objects of a configuration look: what each member comes to by setting, inheritance and default. */
export function viewOf(
  configuration: Configuration,
  table: ResourceTable,
  tmos: TmosVersion,
  health?: Health,
): View {
  const view: View = {
    configuration,
    tmos,
    ...(health === undefined ? {} : { health }),
    effective(object, name) {
      const kind = table.kind(object.kind);
      const member = kind.members.find((candidate) => candidate.name === name && isPresent(candidate, tmos));
      return member === undefined ? undefined : effectiveMember(object, member, kind, view);
    },
  };
  return view;
}

export function effectiveMember(
  object: ConfigObject,
  member: Member,
  kind: ResourceKind,
  view: View,
): Json | undefined {
  const derived = member.derive?.(object, view);
  if (derived !== undefined) return derived;
  return inherited(object, member, kind, view.configuration, new Set()) ?? member.default;
}

function inherited(
  object: ConfigObject,
  member: Member,
  kind: ResourceKind,
  configuration: Configuration,
  seen: Set<string>,
): Json | undefined {
  const own = object.own[member.name];
  if (own !== undefined || kind.base === undefined || notInherited.has(member.name)) return own;
  const parentPath = object.own['defaultsFrom'];
  if (typeof parentPath !== 'string' || seen.has(parentPath)) return undefined;
  const parent = configuration.get(object.kind, parentPath);
  if (parent === undefined) return undefined;
  return inherited(parent, member, kind, configuration, seen.add(parentPath));
}

const notInherited: ReadonlySet<string> = new Set(['defaultsFrom', 'description', 'appService']);
