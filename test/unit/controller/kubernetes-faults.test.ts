import { strict as assert } from 'node:assert';

import {
  array,
  asyncProperty,
  assert as check,
  constant,
  constantFrom,
  integer,
  oneof,
  record,
} from 'fast-check';
import type { Arbitrary } from 'fast-check';

import { decide } from '../../../src/allowlist/decide.js';
import { HeldAllowlists } from '../../../src/controller/held-allowlists.js';
import { createLogger } from '../../../src/log.js';
import { desireCallers } from '../../../src/reconcile/desire.js';
import { allowlistObjects } from '../../../src/reconcile/desired.js';
import { objectKey } from '../../../src/reconcile/device-object.js';
import type { ObservedObject } from '../../../src/reconcile/device-object.js';
import { installedAllowlist } from '../../../src/reconcile/installed-allowlist.js';
import { ledgerKey } from '../../../src/reconcile/ledger.js';
import type { ObservedDevice } from '../../../src/reconcile/observed.js';
import { planDevice } from '../../../src/reconcile/plan.js';
import { planServices } from '../../../src/reconcile/plan-services.js';
import type { PlanScope } from '../../../src/reconcile/plan-services.js';
import type { Desire } from '../../../src/reconcile/desire.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { FakeClock } from '../../support/fake-clock.js';
import { answerFaults, FaultyKube, watchFaults } from '../../support/faulty-kube.js';
import type { AnswerFault, WatchFault } from '../../support/faulty-kube.js';
import { edgeConfig } from '../../support/edge-config.js';

const config = edgeConfig();
const [device] = config.devices;
const [service] = config.services;
assert.ok(device !== undefined && service !== undefined);
const meshFacts = { trustDomain: 'cluster.local', trustDomainAliases: [], rootNamespace: 'istio-system' };
const callers = ['ns/a/sa/x', 'ns/a/sa/y', 'ns/b/sa/x', 'ns/b/sa/y'].map(
  (path) => `spiffe://cluster.local/${path}`,
);
const patterns = [...callers, 'spiffe://cluster.local/ns/a/sa/*', 'spiffe://cluster.local/ns/*'];

/** What a person does, and what goes wrong. */
type Step =
  | { readonly do: 'edit'; readonly name: string; readonly data: Readonly<Record<string, string>> }
  | { readonly do: 'remove'; readonly name: string }
  | { readonly do: 'fail'; readonly faults: readonly AnswerFault[] }
  | { readonly do: 'disturb'; readonly fault: WatchFault }
  | { readonly do: 'compact' | 'away' | 'back' | 'reconcile' | 'restart' }
  | { readonly do: 'wait'; readonly ms: number };

const name = constantFrom('callers', 'more-callers');
const lines = (prefix: string): Arbitrary<string> =>
  array(constantFrom(...patterns, 'not an ID'), { maxLength: 3 }).map((ids) =>
    ids.filter((id) => prefix === 'allow' || id !== 'not an ID').join('\n'),
  );
const step: Arbitrary<Step> = oneof(
  {
    weight: 4,
    arbitrary: record({
      do: constant('edit' as const),
      name,
      data: record(
        { allow: lines('allow'), deny: lines('deny'), mode: constantFrom('enforce', 'audit') },
        { requiredKeys: ['allow'] },
      ),
    }),
  },
  { weight: 1, arbitrary: record({ do: constant('remove' as const), name }) },
  {
    weight: 4,
    arbitrary: record({
      do: constant('fail' as const),
      faults: array(constantFrom(...answerFaults), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: record({ do: constant('disturb' as const), fault: constantFrom(...watchFaults) }) },
  { weight: 4, arbitrary: record({ do: constantFrom('compact', 'away', 'back', 'restart') }) },
  { weight: 4, arbitrary: constant({ do: 'reconcile' as const }) },
  {
    weight: 3,
    arbitrary: record({
      do: constant('wait' as const),
      ms: integer({ min: 1, max: 700 }).map((s) => s * 1000),
    }),
  },
);

type ConfigMaps = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Who may call, by these ConfigMaps: worked out here, and not by what is tested. */
function admitted(configMaps: ConfigMaps): string {
  const matches = (list: string | undefined, id: string): boolean =>
    (list ?? '')
      .split('\n')
      .some((line) => line === id || (line.endsWith('*') && id.startsWith(line.slice(0, -1))));
  const all = [...configMaps.values()];
  const isAudit = all.length > 0 && all.every(({ mode }) => mode === 'audit');
  return callers
    .filter(
      (id) =>
        isAudit ||
        (all.some(({ allow }) => matches(allow, id)) && !all.some(({ deny }) => matches(deny, id))),
    )
    .join(' ');
}

/** One controller, its device and its cluster. */
class Story {
  readonly clock = new FakeClock();
  readonly cluster = new FaultyKube(this.clock);
  /** Every state that the cluster was ever in, as who may call. */
  readonly history: string[] = [];
  /** Which of them the device enforces, at the latest. */
  enforced = 0;
  removals = 0;
  /** What the controller told. */
  readonly logged: string[] = [];
  #configMaps: ConfigMaps = new Map();
  #objects: readonly ObservedObject[] = [];
  #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #held: HeldAllowlists | undefined;

  async begin(): Promise<void> {
    this.#set(new Map([['callers', { allow: patterns[0] ?? '' }]]));
    this.cluster.write('callers', { allow: patterns[0] ?? '' });
    this.#start();
    await this.settle();
    await this.reconcile();
  }

  async take(taken: Step): Promise<void> {
    switch (taken.do) {
      case 'edit':
        this.#set(new Map(this.#configMaps).set(taken.name, taken.data));
        this.cluster.write(taken.name, taken.data);
        break;
      case 'remove': {
        const left = new Map(this.#configMaps);
        left.delete(taken.name);
        this.#set(left);
        this.cluster.remove(taken.name);
        break;
      }
      case 'fail':
        this.cluster.failNext(taken.faults);
        break;
      case 'disturb':
        this.cluster.disturbWatches(taken.fault);
        break;
      case 'compact':
        this.cluster.compact();
        break;
      case 'away':
      case 'back':
        this.cluster.setAway(taken.do === 'away');
        break;
      case 'wait':
        await this.clock.advance(taken.ms);
        break;
      case 'restart':
        await this.stop();
        this.#start();
        break;
      case 'reconcile':
        await this.reconcile();
    }
    await this.settle();
  }

  /** As the real one does it, up to what would be sent to the device; and that is carried out. */
  async reconcile(): Promise<void> {
    assert.ok(device !== undefined && service !== undefined && this.#held !== undefined);
    const names = this.#objects.map(({ kind, name: object }) => ledgerKey(kind, object));
    const ledger = new Map(
      this.#objects.map(({ kind, name: object }, index) => [
        names[index] ?? '',
        { kind, name: object, facts: {} },
      ]),
    );
    const observed: ObservedDevice = {
      tmosVersion: '17.1.0',
      partitionExists: true,
      objects: this.#objects,
      ledger,
      epoch: 1,
    };
    const desired = await desireCallers(
      config,
      device,
      observed,
      { allowlists: this.#held, meshFacts },
      {
        renew: new Set(),
        onServiceFailure: () => undefined,
        signal: new AbortController().signal,
      },
    );
    const plan = planDevice(desired.flatMap(allowlistObjects), observed);
    // A service that is unknown is left out, and what it has stays.
    const scope: PlanScope = {
      configured: [service.name],
      included: new Set(desired.map(({ config: { name: included } }) => included)),
      now: this.clock.now(),
    };
    if (desired.length === 0) {
      const nothing = { device: { ...empty, services: [] } } as unknown as Pick<Desire, 'device'>;
      this.#countRemovals(planServices(nothing, observed, scope).changes);
      return;
    }
    this.#countRemovals(plan.changes);
    const after = new Map(this.#objects.map((object) => [objectKey(object), object]));
    for (const change of plan.changes) {
      if (change.action === 'remove') after.delete(objectKey(change.object));
      else after.set(objectKey(change.object), change.object);
    }
    this.#objects = [...after.values()];
    this.#compare();
  }

  /** Only what the cluster once said, and never something older than what was enforced before. */
  #compare(): void {
    const now = this.admitted;
    const index = this.history.findIndex((state, at) => at >= this.enforced && state === now);
    assert.ok(
      index >= 0,
      `the device admits [${now}]; since its last state the cluster said ${JSON.stringify(this.history.slice(this.enforced))}`,
    );
    this.enforced = index;
  }

  get admitted(): string {
    const observed = {
      tmosVersion: '',
      partitionExists: true,
      objects: this.#objects,
      ledger: undefined,
      epoch: 1,
    };
    const installed = installedAllowlist('echo', observed);
    assert.ok(installed !== undefined, 'the service is on the device');
    return callers
      .filter((id) => {
        const parsed = parseSpiffeId(id);
        assert.ok(parsed.ok);
        const { decision } = decide(installed, ['cluster.local'], parsed.value);
        return decision === 'allow' || installed.mode === 'audit';
      })
      .join(' ');
  }

  #countRemovals(changes: ReadonlyArray<{ readonly action: string }>): void {
    this.removals += changes.filter(({ action }) => action === 'remove').length;
  }

  #set(configMaps: ConfigMaps): void {
    this.#configMaps = configMaps;
    this.history.push(admitted(configMaps));
  }

  #start(): void {
    this.#stop = new AbortController();
    this.#held = new HeldAllowlists({
      kube: this.cluster.kube,
      clock: this.clock,
      random: () => 0,
      logger: createLogger('info', { write: (line) => void this.logged.push(line) }),
      services: config.services,
      meshFacts: () => meshFacts,
      onChange: () => undefined,
    });
    this.#running = Promise.all(this.#held.informers.map((informer) => informer.run(this.#stop.signal)));
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('over'));
    await this.#running;
  }

  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  /** Whatever was wrong is over. */
  async heal(): Promise<void> {
    this.cluster.heal();
    await this.clock.advance(30 * 60_000);
    await this.settle();
    await this.reconcile();
  }
}

/** The parts of a device that no service owns; a plan without services must not remove the services' objects. */
const empty = {
  partition: 'mesh',
  tmosVersion: '17.1.0',
  ruleText: '',
  trustBundle: { name: 'trust_bundle_000000000000.crt', file: 'kept' },
  roots: [],
};

describe('whatever goes wrong between the controller and the Kubernetes API server', function () {
  this.timeout(120_000);

  it('deletes nothing on the device, admits nobody whom the cluster did not name last, and edits get through after', () =>
    check(
      asyncProperty(array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const story = new Story();
        try {
          await story.begin();
          for (const taken of steps) await story.take(taken);
          await story.heal();
          assert.equal(story.admitted, story.history.at(-1));
          assert.equal(story.removals, 0);
        } finally {
          await story.stop();
        }
      }),
      { numRuns: 2000 },
    ));

  describe('for ten minutes', () => {
    const troubles: ReadonlyArray<[string, (story: Story) => void, (story: Story) => void]> = [
      ['the API server is away', ({ cluster }) => cluster.setAway(true), ({ cluster }) => cluster.heal()],
      [
        'the token has expired',
        ({ cluster }) => {
          cluster.failNext(Array.from({ length: 10_000 }, () => 'unauthorized'));
          cluster.disturbWatches('ended');
        },
        ({ cluster }) => cluster.heal(),
      ],
    ];
    for (const [trouble, begin, end] of troubles) {
      it(`${trouble}: what was known stays in force, the reason is told once, and an edit gets through after`, async () => {
        const story = new Story();
        try {
          await story.begin();
          const before = story.admitted;
          begin(story);
          await story.take({ do: 'edit', name: 'callers', data: { allow: patterns[1] ?? '' } });
          for (let minute = 0; minute < 10; minute += 1) {
            await story.clock.advance(60_000);
            await story.reconcile();
            assert.equal(story.admitted, before);
          }
          assert.equal(story.logged.filter((line) => line.includes('cannot be read')).length, 1);
          end(story);
          await story.clock.advance(60_000);
          await story.reconcile();
          assert.equal(story.admitted, story.history.at(-1));
          assert.equal(story.logged.filter((line) => line.includes('can be read again')).length, 1);
          assert.equal(story.removals, 0);
        } finally {
          await story.stop();
        }
      });
    }
  });
});
