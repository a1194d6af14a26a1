import type { Clock } from '../../clock.js';
import type { AgentConfig, DeviceConfig } from '../../config/schema.js';
import { AgentError } from '../../errors.js';
import { TrustBundle } from '../../spiffe/trust-bundle.js';
import type { DesireService } from '../desire.js';
import type { ObservedDevice } from '../observed.js';
import { isCounted } from './counting.js';
import type { CounterReading } from './evidence.js';
import type { HeardRoots } from './heard-roots.js';
import { planRoots, rolesOf } from './plan-roots.js';
import type { RootsPlan } from './plan-roots.js';
import type { RootRecord } from './root-record.js';

/** Istio's default lifetime of a workload's certificate (SECRET_TTL). */
const istioLeafTtlMs = 24 * 3_600_000;

interface RootsPlace {
  readonly config: AgentConfig;
  readonly deviceConfig: DeviceConfig;
  readonly observed: ObservedDevice;
  /** What the sources name now. */
  readonly sources: TrustBundle;
  readonly known: readonly RootRecord[];
  /** Those that are as they should be. */
  readonly services: readonly Pick<DesireService, 'config' | 'pair'>[];
}

interface RootsPorts {
  readonly heardRoots: HeardRoots;
  readonly readCounters: (partition: string, signal: AbortSignal) => Promise<CounterReading>;
  readonly clock: Clock;
}

/** Works out which roots a device should have, and asks its counters where one is to go. */
export async function desireRoots(
  { config, deviceConfig, observed, sources, known, services }: RootsPlace,
  { heardRoots, readCounters, clock }: RootsPorts,
  signal: AbortSignal,
): Promise<RootsPlan> {
  const { rootRotation, source, ttl } = config.identity;
  const names = config.services.filter(({ device }) => device === deviceConfig.name).map(({ name }) => name);
  const isRetiring = known.some(({ stage }) => stage === 'retiring');
  const reading =
    isRetiring && isCounted(rolesOf(known), names, observed)
      ? await completeReading(names, () => readCounters(deviceConfig.partition, signal), signal)
      : undefined;
  return planRoots({
    sources,
    // What a CA named that is not asked any more is nobody's word.
    answered: heardRoots.use() ?? (source === 'istiod' ? undefined : TrustBundle.of([])),
    known,
    removed: new Set(rootRotation.remove),
    leafRoots: new Map(services.map(({ config: { name }, pair }) => [name, pair.facts['root'] ?? ''])),
    reading,
    isWhole: services.length === names.length,
    quietMs: rootRotation.quietPeriod ?? Math.max(ttl, istioLeafTtlMs),
    now: clock.now(),
  });
}

/** Counters that cannot be read, or not all of them, say nothing; everything else of the reconcile goes on. */
async function completeReading(
  services: readonly string[],
  read: () => Promise<CounterReading>,
  signal: AbortSignal,
): Promise<CounterReading | undefined> {
  try {
    const reading = await read();
    const counts = services.flatMap((service) => {
      const found = reading.services.get(service);
      return found === undefined ? [] : [[service, found] as const];
    });
    return counts.length === services.length ? { unit: reading.unit, services: new Map(counts) } : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    return undefined;
  }
}
