import { textOf } from '../json.js';
import { existing } from '../config/change.js';
import type { Target } from '../config/command.js';
import type { ConfigObject } from '../config/configuration.js';
import { urlName } from '../config/object-name.js';
import { kindName, objectPath } from '../icrd/render.js';
import type { Rendering } from '../icrd/render.js';
import type { JsonObject } from '../json.js';
import { link, statisticsKey } from '../resources/link.js';
import type { View } from '../resources/resource-kind.js';
import { isSet } from '../resources/value-type.js';
import { endpointOf } from '../resources/virtual.js';
import { renderEndpoint } from '../resources/address.js';

/**
 * Statistics of one object or of a collection. The keys are links without `ver`, so they differ from object
 * to object; counters stand at zero, states are those of the configuration.
 */
export function renderStatistics(target: Target, rendering: Rendering): JsonObject {
  const { view } = rendering;
  const { kind, fullPath, parent } = target;
  if (fullPath !== undefined) {
    const object = existing(view.configuration, target);
    return {
      kind: kindName(kind.path, 'stats'),
      generation: object.generation,
      selfLink: link(`${objectPath(object)}/stats`, view.tmos),
      entries: entryOf(object, view),
    };
  }
  const objects =
    parent === undefined
      ? view.configuration.list(kind.path)
      : view.configuration.children(kind.path, parent);
  return {
    kind: kindName(kind.path, 'collectionstats'),
    selfLink: link(`${collectionPath(target)}/stats`, view.tmos),
    entries: Object.fromEntries(objects.flatMap((object) => Object.entries(entryOf(object, view)))),
  };
}

function collectionPath({ kind, parent }: Target): string {
  if (parent === undefined) return kind.path;
  const at = kind.path.lastIndexOf('/');
  return `${kind.path.slice(0, at)}/${urlName(parent)}${kind.path.slice(at)}`;
}

function entryOf(object: ConfigObject, view: View): JsonObject {
  const path = `${objectPath(object)}/stats`;
  return {
    [statisticsKey(path)]: {
      nestedStats: {
        kind: kindName(object.kind, 'stats'),
        selfLink: link(path, view.tmos),
        entries: entriesOf(object, view),
      },
    },
  };
}

function entriesOf(object: ConfigObject, view: View): JsonObject {
  const tmName = text(object.name.fullPath);
  switch (object.kind) {
    case 'ltm/virtual':
      return {
        ...connections('clientside'),
        cmpEnableMode: text('all-cpus'),
        cmpEnabled: text('enabled'),
        destination: text(renderEndpoint(endpointOf(object))),
        ...connections('ephemeral'),
        tmName,
        ...availability(virtualState(object, view), object.own['disabled'] !== true, 'virtual server'),
        syncookieStatus: text('not-activated'),
        totRequests: { value: 0 },
      };
    case 'ltm/pool':
      return {
        activeMemberCnt: { value: members(object, view).filter((state) => state === 'up').length },
        availableMemberCnt: { value: members(object, view).filter((state) => state === 'up').length },
        curSessions: { value: 0 },
        memberCnt: { value: members(object, view).length },
        minActiveMembers: { value: Number(view.effective(object, 'minActiveMembers')) },
        monitorRule: text(textOf(view.effective(object, 'monitor') ?? 'none')),
        tmName,
        ...connections('serverside'),
        ...availability(poolState(object, view), true, 'pool'),
        totRequests: { value: 0 },
      };
    case 'ltm/pool/members':
    case 'ltm/node':
      return {
        addr: text(textOf(object.own['address'])),
        curSessions: { value: 0 },
        monitorRule: text(monitorRuleOf(object, view)),
        monitorStatus: text(textOf(view.effective(object, 'state'))),
        ...(object.kind === 'ltm/node'
          ? { tmName }
          : {
              nodeName: text(object.name.fullPath.replace(/[:.][^:.]+$/, '')),
              poolName: text(object.parent ?? ''),
              port: { value: Number(object.name.name.replace(/^.*[:.]/, '')) },
            }),
        ...connections('serverside'),
        sessionStatus: text(view.effective(object, 'session') === 'user-disabled' ? 'disabled' : 'enabled'),
        ...availability(
          memberState(object, view),
          view.effective(object, 'session') !== 'user-disabled',
          'pool member',
        ),
        totRequests: { value: 0 },
      };
    default:
      return { tmName };
  }
}

type Availability = 'available' | 'offline' | 'unknown';

function availability(state: Availability, enabled: boolean, what: string): JsonObject {
  const reasons: Readonly<Record<Availability, string>> = {
    available: `The ${what} is available`,
    offline:
      what === 'pool member'
        ? 'Pool member has been marked down by a monitor'
        : `The children pool member(s) are down`,
    unknown:
      what === 'pool member'
        ? 'Pool member does not have service checking enabled'
        : "The children pool member(s) either don't have service checking enabled, or service check results " +
          'are not available yet',
  };
  return {
    'status.availabilityState': text(state),
    'status.enabledState': text(enabled ? 'enabled' : 'disabled'),
    'status.statusReason': text(reasons[state]),
  };
}

function memberState(object: ConfigObject, view: View): Availability {
  const state = view.effective(object, 'state');
  if (state === 'up') return 'available';
  return state === 'down' || state === 'user-down' ? 'offline' : 'unknown';
}

function poolState(object: ConfigObject, view: View): Availability {
  const states = members(object, view);
  if (states.includes('up')) return 'available';
  return states.length > 0 && states.every((state) => state === 'down' || state === 'user-down')
    ? 'offline'
    : 'unknown';
}

function virtualState(object: ConfigObject, view: View): Availability {
  const pool = view.configuration.get('ltm/pool', textOf(object.own['pool']));
  return pool === undefined ? 'unknown' : poolState(pool, view);
}

function members(pool: ConfigObject, view: View): readonly string[] {
  const children = view.configuration.children('ltm/pool/members', pool.name.fullPath);
  return children.map((child) => textOf(view.effective(child, 'state')));
}

function monitorRuleOf(object: ConfigObject, view: View): string {
  const monitor = view.effective(object, 'monitor');
  return isSet(monitor) && monitor !== 'default' ? monitor : 'none';
}

function connections(side: string): JsonObject {
  const counters = ['bitsIn', 'bitsOut', 'curConns', 'maxConns', 'pktsIn', 'pktsOut', 'totConns'];
  return Object.fromEntries(counters.map((counter) => [`${side}.${counter}`, { value: 0 }]));
}

function text(description: string): JsonObject {
  return { description };
}
