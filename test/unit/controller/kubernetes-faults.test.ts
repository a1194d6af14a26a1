import { strict as assert } from 'node:assert';

import { asyncProperty, assert as check } from 'fast-check';

import { createLogger } from '../../../src/log.js';
import type { FaultService } from '../../support/fault-device.js';
import { entries } from '../../support/fault-readings.js';
import { faultRuns, faultTimeoutMs } from '../../support/fault-runs.js';
import { configMaps, stepsOf } from '../../support/fault-steps.js';
import type { Step } from '../../support/fault-steps.js';
import { FaultStory, play } from '../../support/fault-story.js';

const labels = { app: 'echo' };
const echo: FaultService = { name: 'echo', labels, takesPolicies: false };
const [firstCaller = '', secondCaller = '', , , namespace = ''] = entries;

function allowing(caller: string): Step {
  return {
    do: 'write',
    place: configMaps,
    name: 'callers',
    object: { metadata: { labels }, data: { allow: caller } },
  };
}

/** The second page of a list of both: who misses it re-admits somebody. */
const denying: Step = {
  do: 'write',
  place: configMaps,
  name: 'more-callers',
  object: { metadata: { labels }, data: { allow: namespace, deny: secondCaller } },
};

describe('whatever goes wrong between the controller and the Kubernetes API server', function () {
  this.timeout(faultTimeoutMs());

  it('deletes nothing on the device, admits nobody whom the cluster did not name last, and edits get through after', () =>
    check(
      asyncProperty(stepsOf({ labels: [labels], isUnreadable: false, hasPolicies: false }), (steps) =>
        play([echo], [allowing(firstCaller), denying], steps),
      ),
      faultRuns(1000),
    ));

  describe('for ten minutes', () => {
    const troubles: ReadonlyArray<[string, (story: FaultStory) => void]> = [
      ['the API server is away', ({ cluster }) => cluster.setAway(true)],
      [
        'the token has expired',
        ({ cluster }) => {
          cluster.refuse(configMaps, 'unauthorized');
          cluster.disturbWatches('ended');
        },
      ],
    ];
    for (const [trouble, begin] of troubles) {
      it(`${trouble}: what was known stays in force, the reason is told once, and an edit gets through after`, async () => {
        const logged: string[] = [];
        const logger = createLogger('info', { write: (line) => void logged.push(line) });
        const told = (what: string): number => logged.filter((line) => line.includes(what)).length;
        const story = new FaultStory([echo], logger);
        const [service] = story.device.config.services;
        assert.ok(service !== undefined);
        try {
          await story.take(allowing(firstCaller));
          await story.begin();
          begin(story);
          await story.take(allowing(secondCaller));
          for (let minute = 0; minute < 10; minute += 1) {
            await story.clock.advance(60_000);
            await story.reconcile();
            assert.deepEqual(story.device.admitted(service), [firstCaller]);
          }
          assert.equal(told('cannot be read'), 1);
          story.cluster.heal();
          await story.clock.advance(60_000);
          await story.reconcile();
          assert.deepEqual(story.device.admitted(service), [secondCaller]);
          assert.equal(told('can be read again'), 1);
        } finally {
          await story.stop();
        }
      });
    }
  });
});
