import { asyncProperty, assert as check } from 'fast-check';

import type { FaultService } from '../../support/fault-device.js';
import { entries } from '../../support/fault-readings.js';
import { faultRuns, faultTimeoutMs } from '../../support/fault-runs.js';
import { configMaps, stepsOf } from '../../support/fault-steps.js';
import type { Step } from '../../support/fault-steps.js';
import { play } from '../../support/fault-story.js';

const labels = { app: 'echo' };
const echo: FaultService = { name: 'echo', labels, takesPolicies: true };
const everyEntry = entries.map((entry) => entry.slice('spiffe://'.length));

/** A namespace is allowed in one place, one of its callers is denied in another. */
const first: readonly Step[] = [
  {
    do: 'write',
    place: configMaps,
    name: 'callers',
    object: { metadata: { labels }, data: { allow: entries.slice(1, 3).join('\n') } },
  },
  {
    do: 'write',
    place: 'authorizationpolicies default',
    name: 'one',
    object: { spec: { action: 'ALLOW', rules: [{ from: [{ source: { namespaces: ['a'] } }] }] } },
  },
  {
    do: 'write',
    place: 'authorizationpolicies istio-system',
    name: 'two',
    object: {
      spec: { action: 'DENY', rules: [{ from: [{ source: { principals: everyEntry.slice(0, 1) } }] }] },
    },
  },
];

describe('whatever goes wrong with AuthorizationPolicies and with ConfigMaps beside them', function () {
  this.timeout(faultTimeoutMs());

  it('lets a denial that cannot be read stay in force, and what is allowed never become more', () =>
    check(
      asyncProperty(stepsOf({ labels: [labels], isUnreadable: false, hasPolicies: true }), (steps) =>
        play([echo], first, steps),
      ),
      faultRuns(600),
    ));

  it('does so also while the ConfigMaps are unreadable in part', () =>
    check(
      asyncProperty(stepsOf({ labels: [labels], isUnreadable: true, hasPolicies: true }), (steps) =>
        play([echo], first, steps),
      ),
      faultRuns(500),
    ));
});
