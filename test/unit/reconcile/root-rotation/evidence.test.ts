import { strict as assert } from 'node:assert';
import * as fc from 'fast-check';
import {
  callCounts,
  parseEvidence,
  renderEvidence,
  weighEvidence,
} from '../../../../src/reconcile/root-rotation/evidence.js';
import type { CounterReading, Evidence } from '../../../../src/reconcile/root-rotation/evidence.js';

const hourMs = 3_600_000;
const quietMs = 24 * hourMs;
const start = new Date('2030-01-01T00:00:00Z');

function reading(admitted: number, retiring: number, unit = 'one'): CounterReading {
  return { unit, services: new Map([['echo', { admitted, retiring }]]) };
}

/** Looks at the counters hour by hour, as the controller does at least. */
class Watch {
  evidence: Evidence | undefined;
  sentence = '';
  #hours = 0;

  look(counters: CounterReading | undefined, hours = 1): boolean {
    this.#hours += hours;
    const now = new Date(start.getTime() + this.#hours * hourMs);
    const state = weighEvidence(this.evidence, counters, { now, quietMs });
    this.evidence = state.evidence;
    this.sentence = state.sentence;
    return state.isEnough;
  }

  /** @returns after how many hours it was enough */
  until(counters: (hour: number) => CounterReading | undefined, hours = 100): number | undefined {
    for (let hour = 0; hour < hours; hour += 1) if (this.look(counters(hour))) return hour;
    return undefined;
  }
}

describe('the evidence that no caller needs a root', () => {
  it('is enough after a whole quiet period with callers of other roots', () => {
    assert.equal(
      new Watch().until((hour) => reading(hour, 7)),
      24,
    );
  });

  it('is never enough by time alone, when nobody calls at all', () => {
    const watch = new Watch();
    assert.equal(
      watch.until(() => reading(5, 0)),
      undefined,
    );
    assert.match(watch.sentence, /nobody at all has called echo/);
  });

  it('is never enough by time alone, when the counters cannot be read', () => {
    const watch = new Watch();
    watch.look(reading(0, 0));
    assert.equal(
      watch.until(() => undefined),
      undefined,
    );
    assert.match(watch.sentence, /unknown/);
  });

  it('begins anew with each caller that may need the root', () => {
    const watch = new Watch();
    assert.equal(
      watch.until((hour) => reading(hour, hour < 40 ? Math.floor(hour / 20) : 1)),
      20 + 24,
    );
  });

  it('begins anew after nobody looked for long: what was counted meanwhile may be lost', () => {
    const watch = new Watch();
    for (let hour = 0; hour < 20; hour += 1) watch.look(reading(hour, 0));
    assert.equal(watch.look(reading(100, 0), 5), false);
    assert.match(watch.sentence, /nobody looked at the counters for too long/);
    assert.equal(
      watch.until((hour) => reading(101 + hour, 0)),
      23,
    );
  });

  it('begins anew when counters went back, also where they count for the root the same again', () => {
    const watch = new Watch();
    for (let hour = 0; hour < 20; hour += 1) watch.look(reading(100 + hour, 0));
    assert.equal(watch.look(reading(1, 0)), false);
    assert.match(watch.sentence, /began anew/);
  });

  it('begins anew when another unit counts', () => {
    const watch = new Watch();
    for (let hour = 0; hour < 20; hour += 1) watch.look(reading(hour, 0));
    assert.equal(watch.look(reading(21, 0, 'two')), false);
    assert.match(watch.sentence, /another unit/);
  });

  it('waits for every service', () => {
    const both = (hour: number, other: number): CounterReading => ({
      unit: 'one',
      services: new Map([
        ['echo', { admitted: hour, retiring: 0 }],
        ['ping', { admitted: other, retiring: 0 }],
      ]),
    });
    const watch = new Watch();
    assert.equal(
      watch.until((hour) => both(hour, 3)),
      undefined,
    );
    assert.match(watch.sentence, /nobody at all has called ping,/);
    assert.equal(watch.look(both(1000, 4)), true);
  });

  it('begins anew with a service that was not counted before', () => {
    const watch = new Watch();
    for (let hour = 0; hour < 23; hour += 1) watch.look(reading(hour, 0));
    const more = new Map([...reading(24, 0).services, ['ping', { admitted: 1, retiring: 0 }]]);
    assert.equal(watch.look({ unit: 'one', services: more }), false);
    assert.match(watch.sentence, /ping counts since now/);
  });

  it('does not change what is written down at each look', () => {
    const watch = new Watch();
    watch.look(reading(0, 0));
    const written = new Set<Evidence | undefined>();
    for (let minutes = 0; minutes < 240; minutes += 5) {
      watch.look(reading(minutes, 0), 1 / 12);
      written.add(watch.evidence);
    }
    assert.ok(written.size <= 3, `${written.size} writes in four hours`);
  });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/), fc.tuple(fc.nat(), fc.nat(), fc.nat())),
        fc.integer({ min: 0, max: 4_000_000_000 }),
        (services, second) => {
          const evidence: Evidence = {
            from: new Date(second * 1000),
            seen: new Date((second + 60) * 1000),
            unit: '192.0.2.10:8443',
            services: new Map(
              Object.entries(services).map(([service, [admitted, retiring, admittedAtLast]]) => [
                service,
                { first: { admitted, retiring }, admittedAtLast },
              ]),
            ),
          };
          const records = renderEvidence(evidence).map(({ name, data }) => [name, data] as const);
          assert.deepEqual(parseEvidence(new Map(records)), evidence);
        },
      ),
    );
  });

  it('is none where it cannot be read', () => {
    const good = new Map([
      ['quiet-from', '1'],
      ['quiet-seen', '2'],
      ['unit', 'one'],
      ['count/echo', '1.2.3'],
    ]);
    assert.ok(parseEvidence(good));
    for (const name of ['quiet-from', 'quiet-seen', 'unit']) {
      assert.equal(parseEvidence(new Map([...good].filter(([key]) => key !== name))), undefined);
    }
    assert.equal(parseEvidence(new Map([...good, ['count/echo', '1.2']])), undefined);
  });
});

describe('the counters of callers', () => {
  it('leave out a service of which something is unknown, which is not 0', () => {
    const counts = callCounts(
      new Map([
        ['echo', { allowed: 3, wouldReject: 4, retiring: 1 }],
        ['ping', { allowed: 3, wouldReject: 4, retiring: undefined }],
      ]),
    );
    assert.deepEqual([...counts], [['echo', { admitted: 7, retiring: 1 }]]);
  });
});
