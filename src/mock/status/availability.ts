import type { ConfigObject } from '../config/configuration.js';
import type { JsonObject } from '../json.js';
import { textOf } from '../json.js';
import type { View } from '../resources/resource-kind.js';
import { listeners } from '../resources/virtual-address.js';

/** Whether something can take connections, as its monitors and the user leave it. */
type Availability = 'available' | 'offline' | 'unknown';

/** The state of a member or node is its own; pools, virtual servers and addresses have that of what is behind. */
export function availabilityOf(object: ConfigObject, view: View): Availability {
  const { configuration } = view;
  switch (object.kind) {
    case 'ltm/virtual-address':
      return summary(listeners(configuration, object.name.fullPath), view);
    case 'ltm/virtual': {
      const pool = configuration.get('ltm/pool', textOf(object.own['pool']));
      return pool === undefined ? 'unknown' : availabilityOf(pool, view);
    }
    case 'ltm/pool':
      return summary(configuration.children('ltm/pool/members', object.name.fullPath), view);
    default: {
      const state = view.effective(object, 'state');
      if (state === 'up') return 'available';
      return state === 'down' || state === 'user-down' ? 'offline' : 'unknown';
    }
  }
}

export function renderAvailability(object: ConfigObject, view: View): JsonObject {
  const state = availabilityOf(object, view);
  return {
    'status.availabilityState': { description: state },
    'status.enabledState': { description: isEnabled(object, view) ? 'enabled' : 'disabled' },
    'status.statusReason': { description: view.health?.(object)?.reason || reasonFor(object.kind, state) },
  };
}

function summary(parts: readonly ConfigObject[], view: View): Availability {
  const states = parts.map((part) => availabilityOf(part, view));
  if (states.includes('available')) return 'available';
  return states.length > 0 && states.every((state) => state === 'offline') ? 'offline' : 'unknown';
}

function isEnabled(object: ConfigObject, view: View): boolean {
  if (object.kind === 'ltm/virtual') return object.own['disabled'] !== true;
  return view.effective(object, 'session') !== 'user-disabled';
}

const names: Readonly<Record<string, string>> = {
  'ltm/node': 'Node address',
  'ltm/pool': 'pool',
  'ltm/pool/members': 'Pool member',
  'ltm/virtual': 'virtual server',
  'ltm/virtual-address': 'virtual address',
};

function reasonFor(kind: string, state: Availability): string {
  const name = names[kind] ?? kind;
  const isSingle = kind === 'ltm/node' || kind === 'ltm/pool/members';
  if (state === 'available') return isSingle ? `${name} is available` : `The ${name} is available`;
  if (isSingle) {
    return state === 'offline'
      ? `${name} has been marked down`
      : `${name} does not have service checking enabled`;
  }
  return state === 'offline'
    ? 'The children pool member(s) are down'
    : "The children pool member(s) either don't have service checking enabled, or service check results " +
        'are not available yet';
}
