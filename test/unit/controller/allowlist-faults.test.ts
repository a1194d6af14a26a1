import { asyncProperty, assert as check } from 'fast-check';

import type { FaultService } from '../../support/fault-device.js';
import { entries } from '../../support/fault-readings.js';
import { faultRuns, faultTimeoutMs } from '../../support/fault-runs.js';
import { configMaps, stepsOf } from '../../support/fault-steps.js';
import type { Step } from '../../support/fault-steps.js';
import { play } from '../../support/fault-story.js';

const echoLabels = { app: 'echo' };
const pingLabels = { app: 'ping' };
const echo: FaultService = { name: 'echo', labels: echoLabels, takesPolicies: false };
const ping: FaultService = { name: 'ping', labels: pingLabels, takesPolicies: true };
/** Some of echo's ConfigMaps are for it as well. */
const vault: FaultService = { name: 'vault', labels: { ...echoLabels, tier: 'db' }, takesPolicies: true };
/** Selects by another label, and so may have ConfigMaps of all others among its own. */
const store: FaultService = { name: 'store', labels: { team: 'data' }, takesPolicies: false };
const allLabels = [
  echoLabels,
  pingLabels,
  vault.labels,
  store.labels,
  { ...echoLabels, ...store.labels },
  { ...vault.labels, ...store.labels },
  { ...pingLabels, tier: 'db' },
  {},
];

const first: readonly Step[] = [
  {
    do: 'write',
    place: configMaps,
    name: 'callers',
    object: {
      metadata: { labels: echoLabels },
      data: { allow: entries.slice(4, 6).join('\n'), deny: entries[0] },
    },
  },
];

describe('whatever becomes of the content and the labels of allowlist ConfigMaps', function () {
  this.timeout(faultTimeoutMs());

  it('lets a deny list that cannot be read stay in force, and an allow list that cannot be read admit nobody new', () =>
    check(
      asyncProperty(stepsOf({ labels: [echoLabels], isUnreadable: true, hasPolicies: false }), (steps) =>
        play([echo], first, steps),
      ),
      faultRuns(800),
    ));

  it('does so for each of several services of a device, whatever ConfigMaps they share and hand over', () =>
    check(
      asyncProperty(stepsOf({ labels: allLabels, isUnreadable: true, hasPolicies: true }), (steps) =>
        play([echo, ping, vault, store], first, steps),
      ),
      faultRuns(500),
    ));
});
