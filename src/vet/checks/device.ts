import type { Check, Sighting } from '../check.js';
import { need, needAll, UnknownFact } from '../datum.js';
import { deviceDefects, isAtLeast, oldestSupported } from '../device-versions.js';

/** Tokens of one user that a device admits (F5 ta-p/287462), and from where on it is getting close. */
const mostTokens = 100;
const manyTokens = 60;
const allowedSkewMs = 120_000;
/** Roles that may do all that the agent does. */
const sufficientRoles = ['admin', 'resource-admin'];
const readingRoles = ['guest', 'auditor', 'operator', 'no-access'];

/** The device as a whole. */
export const deviceChecks: readonly Check[] = [
  {
    code: 'BMV101',
    title: 'release of the device that is too old',
    about: 'device',
    level: 'error',
    why: `Before ${oldestSupported} only administrators may use iControl REST, sys/ready is missing and answers differ from all that the agent knows.`,
    mend: `Upgrade the device to ${oldestSupported} or later.`,
    look: ({ config, device }) => {
      const version = need(device.version);
      if (version === undefined) throw new UnknownFact({ reason: 'the device does not tell its release' });
      return isAtLeast(version, oldestSupported)
        ? []
        : [{ object: `device ${config.name}`, seen: `it runs ${version}` }];
    },
  },
  {
    code: 'BMV102',
    title: 'release of the device with a known defect',
    about: 'device',
    level: 'info',
    why: 'The release has a defect that touches the management of the device; the agent works around it, other tools may not.',
    mend: 'Upgrade the device when the occasion arises, or take the work-around that is named.',
    look: ({ config, device }) => {
      const version = need(device.version);
      return version === undefined
        ? []
        : deviceDefects(version).map((defect) => ({
            object: `device ${config.name}`,
            seen: `${version}: ${defect}`,
          }));
    },
  },
  {
    code: 'BMV103',
    title: 'device user without the rights of the agent',
    about: 'device',
    level: 'error',
    why: 'The agent makes a partition and uploads files; with a lesser role a change fails half way to the device, as a refused transaction.',
    mend: 'Give the user the role Administrator or Resource Administrator on all partitions.',
    look: ({ config, device }) => {
      const user = need(device.user);
      if (user === undefined) {
        throw new UnknownFact({
          reason: 'the user is not a local one, so the device does not tell its role',
          needs: 'look its role up in remote-role of the device',
        });
      }
      const said =
        user.access.map(({ role, partition }) => `${role} on ${partition}`).join(', ') || 'no role';
      const object = `user ${user.name} of device ${config.name}`;
      if (
        user.access.some(({ role, partition }) => sufficientRoles.includes(role) && isEverywhere(partition))
      )
        return [];
      const isReader = user.access.every(({ role }) => readingRoles.includes(role));
      return isReader
        ? [{ object, seen: `it has ${said}: enough for vet, not for apply`, level: 'info' }]
        : [{ object, seen: `it has ${said}` }];
    },
  },
  {
    code: 'BMV104',
    title: 'login tokens that run out',
    about: 'device',
    level: 'warning',
    why: `A device admits ${mostTokens} login tokens a user; at the limit every login is refused, the agent's too.`,
    mend: 'Find out who logs in without logging out (each token shows its address), and give the agent a user of its own.',
    look: ({ config, device }) => {
      const tokens = need(device.tokens);
      if (tokens === undefined) throw new UnknownFact({ reason: 'the device does not list login tokens' });
      return tokens.count < manyTokens
        ? []
        : [
            {
              object: `device ${config.name}`,
              seen: `the user holds ${tokens.count} of ${mostTokens} login tokens`,
            },
          ];
    },
  },
  {
    code: 'BMV105',
    title: 'units that are not in sync',
    about: 'device',
    level: 'error',
    why: 'After a failover the other unit serves an older certificate and an older allowlist; and a sync from there would put the older ones back.',
    mend: 'Decide which unit is right and run config-sync from it; the agent never overwrites a unit.',
    look: ({ config, device }) => {
      const sync = need(device.sync);
      if (sync === undefined) throw new UnknownFact({ reason: 'the device does not tell its sync status' });
      const object = `device ${config.name}`;
      if (sync.mode === 'standalone' || sync.status === 'Standalone') {
        return config.urls.length > 1
          ? [{ object, seen: 'two urls are configured, and the device is Standalone' }]
          : [];
      }
      const found: Sighting[] =
        sync.status === 'In Sync'
          ? []
          : [
              {
                object,
                seen: `${sync.status}${sync.summary === '' ? '' : `: ${sync.summary}`}`,
                level: sync.status === 'Syncing' ? 'info' : 'error',
              },
            ];
      return config.urls.length > 1
        ? found
        : [
            ...found,
            { object, seen: 'it is a unit of a pair, and only one url is configured', level: 'warning' },
          ];
    },
  },
  {
    code: 'BMV106',
    title: 'clock of the device that is wrong',
    about: 'device',
    level: 'error',
    why: 'The device judges certificates of callers by its own clock: fresh ones are not valid yet, or expired ones are taken.',
    mend: 'Set up NTP on the device (sys ntp servers), and on the machine of the agent.',
    look: ({ config, device }) => {
      const aheadMs = need(device.clockAheadMs);
      if (aheadMs === undefined) throw new UnknownFact({ reason: 'the device does not tell the time' });
      if (Math.abs(aheadMs) <= allowedSkewMs) return [];
      const seconds = Math.round(Math.abs(aheadMs) / 1000);
      return [
        {
          object: `device ${config.name}`,
          seen: `its clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the one here`,
        },
      ];
    },
  },
  {
    code: 'BMV107',
    title: 'device that is not ready',
    about: 'device',
    level: 'error',
    why: 'While a device loads its configuration, or without a licence, it answers "not found" for objects that exist, and takes no changes.',
    mend: 'Wait until it has started; look at its licence and at provisioning when it stays so.',
    look: ({ config, device }) => {
      const missing = needAll(device.notReady);
      return missing.length === 0 ? [] : [{ object: `device ${config.name}`, seen: missing.join(', ') }];
    },
  },
  {
    code: 'BMV108',
    title: 'pair without exactly one active unit',
    about: 'device',
    level: 'error',
    why: 'The agent writes to the active unit alone; with none, or with two, there is nowhere to write to and callers may be served by either.',
    mend: 'Look at failover of the pair (cm failover-status on both units).',
    look: ({ config, device }) => {
      if (config.urls.length < 2) return [];
      const states = needAll(device.failover);
      return states.filter((state) => state === 'ACTIVE').length === 1
        ? states
            .filter((state) => state !== 'ACTIVE' && state !== 'STANDBY')
            .map((state) => ({
              object: `device ${config.name}`,
              seen: `one unit: ${state}`,
              level: 'warning' as const,
            }))
        : [{ object: `device ${config.name}`, seen: `its units say ${states.join(', ')}` }];
    },
  },
];

function isEverywhere(partition: string): boolean {
  return partition === 'all-partitions' || partition === 'all';
}
