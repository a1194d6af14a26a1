import type { ConfigObject } from '../config/configuration.js';
import type { Statistics } from '../data-plane/statistics.js';
import type { JsonObject } from '../json.js';
import { textOf } from '../json.js';
import { renderEndpoint } from '../resources/address.js';
import type { View } from '../resources/resource-kind.js';
import { fieldsOf } from '../resources/statistics-profile.js';
import { isSet } from '../resources/value-type.js';
import { endpointOf } from '../resources/virtual.js';
import { availabilityOf, renderAvailability } from './availability.js';

/** What the data plane counted; without one, nothing. */
export type Traffic = ReturnType<Statistics['snapshot']>;

export const noTraffic: Traffic = { virtualServers: {}, ruleEvents: {}, fields: {} };

/** The entries of one object's statistics, in the recorded order. What nobody counts stands at zero. */
export function renderCounters(object: ConfigObject, view: View, traffic: Traffic): JsonObject {
  const tmName = text(object.name.fullPath);
  const status = renderAvailability(object, view);
  switch (object.kind) {
    case 'ltm/virtual':
      return {
        ...clientSide(object, traffic),
        cmpEnableMode: text('all-cpus'),
        cmpEnabled: text('enabled'),
        ...zeros('csMaxConnDur', 'csMeanConnDur', 'csMinConnDur'),
        destination: text(renderEndpoint(endpointOf(object))),
        ...prefixed('ephemeral', virtualCounters),
        ...zeros('fiveMinAvgUsageRatio', 'fiveSecAvgUsageRatio'),
        tmName,
        ...zeros('oneMinAvgUsageRatio'),
        ...status,
        syncookieStatus: text('not-activated'),
        ...prefixed('syncookie', syncookieCounters),
        ...zeros('totRequests'),
      };
    case 'ltm/virtual-address':
      return { addr: addressOf(object), ...prefixed('clientside', connectionCounters), tmName, ...status };
    case 'ltm/pool': {
      const states = view.configuration
        .children('ltm/pool/members', object.name.fullPath)
        .map((member) => availabilityOf(member, view));
      const available = { value: states.filter((state) => state === 'available').length };
      return {
        activeMemberCnt: available,
        availableMemberCnt: available,
        ...zeros('curSessions'),
        memberCnt: { value: states.length },
        minActiveMembers: { value: Number(view.effective(object, 'minActiveMembers')) },
        monitorRule: text(textOf(view.effective(object, 'monitor') ?? 'none')),
        tmName,
        ...prefixed('serverside', connectionCounters),
        ...status,
        ...zeros('totRequests'),
      };
    }
    case 'ltm/node':
      return {
        addr: addressOf(object),
        ...zeros('curSessions'),
        ...monitoring(object, view),
        tmName,
        ...prefixed('serverside', connectionCounters),
        sessionStatus: sessionStatus(object, view),
        ...status,
        ...zeros('totRequests'),
      };
    case 'ltm/pool/members':
      return {
        addr: addressOf(object),
        ...prefixed('connq', queueCounters),
        ...zeros('curSessions'),
        ...monitoring(object, view),
        nodeName: text(object.name.fullPath.replace(/[:.][^:.]+$/, '')),
        poolName: text(object.parent ?? ''),
        port: { value: Number(object.name.name.replace(/^.*[:.]/, '')) },
        ...prefixed('serverside', connectionCounters),
        sessionStatus: sessionStatus(object, view),
        ...status,
        ...zeros('totRequests'),
      };
    case 'ltm/profile/statistics': {
      // No record of a device shows this answer: fields stand by their names, and the frame is that of a client
      // SSL profile's (14.1.0).
      const counted = traffic.fields[object.name.fullPath];
      const fields = fieldsOf(object, view).map((field) => [field, { value: counted?.[field] ?? 0 }]);
      return {
        ...(Object.fromEntries(fields) as JsonObject),
        tmName,
        typeId: text('ltm profile statistics'),
        vsName: text('N/A'),
      };
    }
    default:
      return { tmName };
  }
}

/** The counters of one event of a rule. */
export function renderRuleEvent(object: ConfigObject, event: string, traffic: Traffic): JsonObject {
  const counted = traffic.ruleEvents[`${object.name.fullPath}:${event}`];
  return {
    aborts: { value: counted?.aborts ?? 0 },
    ...zeros('avgCycles'),
    eventType: text(event),
    failures: { value: counted?.failures ?? 0 },
    ...zeros('maxCycles', 'minCycles'),
    tmName: text(object.name.fullPath),
    priority: { value: 500 },
    totalExecutions: { value: counted?.totalExecutions ?? 0 },
  };
}

const connectionCounters = ['bitsIn', 'bitsOut', 'curConns', 'maxConns', 'pktsIn', 'pktsOut', 'totConns'];
const virtualCounters = [
  'bitsIn',
  'bitsOut',
  'curConns',
  'evictedConns',
  'maxConns',
  'pktsIn',
  'pktsOut',
  'slowKilled',
  'totConns',
];
const queueCounters = ['ageEdm', 'ageEma', 'ageHead', 'ageMax', 'depth', 'serviced'];
const syncookieCounters = [
  'accepts',
  'hwAccepts',
  'hwSyncookies',
  'hwsyncookieInstance',
  'rejects',
  'swsyncookieInstance',
  'syncacheCurr',
  'syncacheOver',
  'syncookies',
];

function clientSide(object: ConfigObject, traffic: Traffic): JsonObject {
  const counted = traffic.virtualServers[object.name.fullPath];
  return {
    ...prefixed('clientside', virtualCounters),
    'clientside.bitsIn': { value: (counted?.clientSideBytesIn ?? 0) * 8 },
    'clientside.bitsOut': { value: (counted?.clientSideBytesOut ?? 0) * 8 },
    'clientside.curConns': { value: counted?.currentConnections ?? 0 },
    'clientside.totConns': { value: counted?.totalConnections ?? 0 },
  };
}

function monitoring(object: ConfigObject, view: View): JsonObject {
  const monitor = view.effective(object, 'monitor');
  return {
    monitorRule: text(isSet(monitor) && monitor !== 'default' ? monitor : 'none'),
    monitorStatus: text(textOf(view.effective(object, 'state'))),
  };
}

function sessionStatus(object: ConfigObject, view: View): JsonObject {
  return text(view.effective(object, 'session') === 'user-disabled' ? 'disabled' : 'enabled');
}

function addressOf(object: ConfigObject): JsonObject {
  return text(textOf(object.own['address']));
}

function zeros(...names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, { value: 0 }]));
}

function prefixed(prefix: string, names: readonly string[]): JsonObject {
  return zeros(...names.map((name) => `${prefix}.${name}`));
}

function text(description: string): JsonObject {
  return { description };
}
