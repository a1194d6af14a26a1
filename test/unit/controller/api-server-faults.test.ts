import { strict as assert } from 'node:assert';

import { systemClock } from '../../../src/clock.js';
import type { Clock } from '../../../src/clock.js';
import type { FaultAction } from '../../../src/demo/kube-api/faults.js';
import { badCallerId, goodCallerId } from '../../../src/demo/surroundings.js';
import { seededRandom } from '../../../src/mock/faults/seeded-random.js';
import { ControllerBed, serviceOf } from './controller-bed.js';
import type { Replica } from './controller-bed.js';

const stories = 24;
const seed = 20_300_101;
/** Waits of a second are for people; here they would be most of the suite. */
const haste = 20;

const actions: readonly FaultAction[] = [
  ...[403, 404, 410, 429, 500, 503].map((code): FaultAction => ({ kind: 'status', code })),
  { kind: 'disconnect' },
];

describe('a controller whose API server fails in all the ways that it knows', function () {
  this.timeout(120_000);
  let bed: ControllerBed;
  let replica: Replica;

  before(async () => {
    bed = await ControllerBed.start();
    await bed.edit('ping', { allow: goodCallerId });
    const clock = hastyClock();
    replica = await bed.startReplica({ clock, leaseDurationMs: 15_000 * haste });
    await replica.when(({ syncedAt }) => syncedAt !== undefined);
    bed.scenario.bigIp.forgetRequests();
  });
  after(() => bed.close());

  it(`enforces each of ${stories} edits in the end, with none of what was not asked for, and deletes nothing`, async () => {
    const { kubeApi, bigIp } = bed.scenario;
    const random = seededRandom(seed);
    const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
    const isAllowlist = ({ path }: { readonly path: string }): boolean =>
      path === '/api/v1/namespaces/default/configmaps';
    for (let story = 0; story < stories; story += 1) {
      const isBadAllowed = story % 2 === 0;
      const takeBack = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
        kubeApi.inject({
          action: pick(actions),
          matches: (request) => request.method === 'GET' && isAllowlist(request),
          times: 1,
        }),
      );
      const disturb = [() => kubeApi.endWatches(), () => kubeApi.compact(), () => undefined];
      pick(disturb)();
      await bed.edit('echo', { allow: isBadAllowed ? `${goodCallerId}\n${badCallerId}` : goodCallerId });
      pick(disturb)();
      const allowed = isBadAllowed ? 2 : 1;
      await replica.when((status) => serviceOf(status, 'echo').allowlist?.allow === allowed);
      for (const end of takeBack) end();
      assert.equal(
        await bed.call('echo', badCallerId),
        isBadAllowed ? 'answered' : 'refused',
        `story ${story}`,
      );
      assert.equal(await bed.call('echo', goodCallerId), 'answered');
      assert.equal(await bed.call('ping', badCallerId), 'refused');
    }
    const deleted = bigIp.requests.filter(
      ({ method, path }) => method === 'DELETE' && /^\/mgmt\/tm\/(?:ltm|sys|auth)\//.test(path),
    );
    assert.deepEqual(deleted, []);
  });
});

function hastyClock(): Clock {
  const startedMs = Date.now();
  return {
    now: () => new Date(startedMs + (Date.now() - startedMs) * haste),
    sleep: (ms, signal) => systemClock.sleep(ms / haste, signal),
  };
}
