import { tmshRefusal } from '../config/refusal.js';
import { textOf } from '../json.js';
import type { ResourceKind } from './resource-kind.js';
import { defaulted, member, readOnly } from './resource-kind.js';
import { enabledDisabled, integer, oneOf, text, trueFalse } from './value-type.js';

/** `sys/provision`: which modules the device runs. */
export const provision: ResourceKind = {
  path: 'sys/provision',
  title: 'module',
  naming: 'bare',
  operations: [],
  members: [
    defaulted('cpuRatio', integer(), 0),
    defaulted('diskRatio', integer(), 0),
    defaulted('level', oneOf('none', 'minimum', 'nominal', 'dedicated'), 'none'),
    defaulted('memoryRatio', integer(), 0),
  ],
};

/** `sys/db`: database variables; those that bear on the management API. */
export const dbVariable: ResourceKind = {
  path: 'sys/db',
  title: 'database variable',
  mcpdName: 'db_variable',
  naming: 'bare',
  operations: ['modify'],
  members: [
    readOnly('defaultValue', text),
    readOnly('scfConfig', trueFalse, { default: 'true' }),
    member('value', text),
    readOnly('valueRange', text),
  ],
  settle: ({ object }) => {
    const value = textOf(object.own['value']);
    if (!isInRange(value, textOf(object.own['valueRange']))) {
      throw tmshRefusal(`invalid property value "value":"${value}"`);
    }
    return object;
  },
};

/** `disable enable`, or `integer min:1 max:600`. */
function isInRange(value: string, range: string): boolean {
  const bounds = /^integer min:(\d+) max:(\d+)$/.exec(range);
  if (bounds === null) return range.split(' ').includes(value);
  return /^\d+$/.test(value) && Number(value) >= Number(bounds[1]) && Number(value) <= Number(bounds[2]);
}

/** `cm/device`: this unit, and its peer in a pair. */
export const cmDevice: ResourceKind = {
  path: 'cm/device',
  title: 'device',
  naming: 'partitioned',
  operations: [],
  members: [
    defaulted('alternateIp', text, 'none'),
    readOnly('baseMac', text),
    readOnly('build', text),
    readOnly('chassisId', text),
    defaulted('chassisType', text, 'individual'),
    defaulted('configsyncIp', text, 'none'),
    readOnly('edition', text),
    readOnly('failoverState', text),
    defaulted('haCapacity', integer(), 0),
    readOnly('hostname', text),
    readOnly('managementIp', text),
    readOnly('marketingName', text),
    defaulted('mirrorIp', text, 'any6'),
    defaulted('mirrorSecondaryIp', text, 'any6'),
    defaulted('multicastIp', text, 'any6'),
    defaulted('multicastPort', integer(), 0),
    readOnly('platformId', text),
    readOnly('product', text),
    readOnly('selfDevice', trueFalse),
    defaulted('timeZone', text, 'America/Los_Angeles'),
    readOnly('version', text),
  ],
};

const deviceGroupDevice: ResourceKind = {
  path: 'cm/device-group/devices',
  title: 'device group device',
  naming: 'partitioned',
  operations: [],
  members: [],
};

/** `cm/device-group`: which units share configuration. */
export const deviceGroup: ResourceKind = {
  path: 'cm/device-group',
  title: 'device group',
  naming: 'partitioned',
  operations: [],
  members: [
    defaulted('asmSync', enabledDisabled, 'disabled'),
    defaulted('autoSync', enabledDisabled, 'disabled'),
    defaulted('fullLoadOnSync', trueFalse, 'false'),
    defaulted('incrementalConfigSyncSizeMax', integer(), 1024),
    defaulted('networkFailover', enabledDisabled, 'disabled'),
    defaulted('saveOnAutoSync', trueFalse, 'false'),
    defaulted('type', oneOf('sync-failover', 'sync-only'), 'sync-only'),
  ],
  subcollections: [{ name: 'devices', kind: deviceGroupDevice }],
};

/** `cm/traffic-group`: what moves together from one unit to the other. */
export const trafficGroup: ResourceKind = {
  path: 'cm/traffic-group',
  title: 'traffic group',
  naming: 'partitioned',
  operations: [],
  members: [
    defaulted('autoFailbackEnabled', trueFalse, 'false'),
    defaulted('autoFailbackTime', integer(), 60),
    defaulted('failoverMethod', text, 'ha-order'),
    defaulted('haLoadFactor', integer(), 1),
    defaulted('isFloating', trueFalse, 'true'),
    defaulted('mac', text, 'none'),
    defaulted('monitor', text, {}),
    readOnly('unitId', integer()),
  ],
};

/** `net/vlan`: the networks that a virtual server can be bound to. */
export const vlan: ResourceKind = {
  path: 'net/vlan',
  title: 'VLAN',
  naming: 'partitioned',
  operations: [],
  members: [defaulted('mtu', integer(), 1500), readOnly('tag', integer())],
};
