import type { DataGroupRecord } from '../../icontrol/data-group-records.js';
import type { ServiceCounters } from '../read-counters.js';

/** Callers that a service has let in since its counters began. */
interface CallCounts {
  /** All of them. */
  readonly admitted: number;
  /** Those that may have needed a root that is to go. */
  readonly retiring: number;
}

/** Leaves out services of which the device does not tell what is needed. */
export function callCounts(
  counters: ReadonlyMap<string, Omit<ServiceCounters, 'rejected'>>,
): ReadonlyMap<string, CallCounts> {
  return new Map(
    [...counters].flatMap(([service, { allowed, wouldReject, retiring }]) =>
      allowed === undefined || wouldReject === undefined || retiring === undefined
        ? []
        : [[service, { admitted: allowed + wouldReject, retiring }]],
    ),
  );
}

/** The counters of every service of a device, read at one moment. */
export interface CounterReading {
  /** Which unit counted: a unit that takes over has counters of its own. */
  readonly unit: string;
  readonly services: ReadonlyMap<string, CallCounts>;
}

/**
 * That no caller needed a retiring root, for how long, and how well that was watched.
 *
 * Counters live on the unit and begin anew when it starts. So a silence counts only as far as somebody looked: the
 * unit is the same, no counter went back, and no gap between two looks is long.
 */
export interface Evidence {
  /** Since when the counters of callers that may need the root stand still. */
  readonly from: Date;
  /** When that was last looked at, and written down. */
  readonly seen: Date;
  readonly unit: string;
  readonly services: ReadonlyMap<string, ServiceEvidence>;
}

interface ServiceEvidence {
  /** At `from`. */
  readonly first: CallCounts;
  /** Callers let in up to `seen`. */
  readonly admittedAtLast: number;
}

/** How often a look is written down, and how long nobody may have looked, as shares of the quiet period. */
const lookShare = 1 / 12;
const gapShare = 1 / 6;

type EvidenceState =
  | { readonly isEnough: true; readonly evidence: Evidence; readonly sentence: string }
  | {
      readonly isEnough: false;
      /** To be written down; the one of before where there is nothing new to write. */
      readonly evidence: Evidence | undefined;
      readonly sentence: string;
    };

/**
 * Weighs the counters against what was written down. Pure.
 *
 * Enough is: for the whole quiet period no service let in a caller that may have needed a retiring root, the counters
 * were looked at all the time, and each service let in somebody, which shows that it counts. Time alone is never enough.
 *
 * @param reading undefined while the counters are unknown
 */
export function weighEvidence(
  before: Evidence | undefined,
  reading: CounterReading | undefined,
  { now, quietMs }: { readonly now: Date; readonly quietMs: number },
): EvidenceState {
  const waiting = (evidence: Evidence | undefined, sentence: string): EvidenceState => ({
    isEnough: false,
    evidence,
    sentence,
  });
  if (reading === undefined) return waiting(before, 'the counters of callers are unknown');
  if (before === undefined) return waiting(beginAt(now, reading), 'its callers are being counted');
  const sinceSeen = now.getTime() - before.seen.getTime();
  const lookDue = sinceSeen >= quietMs * lookShare;
  const interruption = whyInterrupted(before, reading, sinceSeen, quietMs);
  if (interruption !== undefined) {
    // A busy caller under it must not make the device be written to all the time.
    const isWritten = lookDue || sinceSeen < 0;
    return waiting(isWritten ? beginAt(now, reading) : before, interruption);
  }
  const quietFor = now.getTime() - before.from.getTime();
  const evidence = lookDue ? { ...before, seen: now, services: lookAt(before, reading) } : before;
  if (quietFor < quietMs) {
    return waiting(evidence, `no caller has needed it for ${hours(quietFor)} of ${hours(quietMs)}`);
  }
  const idle = [...reading.services].filter(
    ([service, { admitted }]) => admitted <= (before.services.get(service)?.first.admitted ?? 0),
  );
  if (idle.length > 0) {
    const names = idle.map(([service]) => service).join(', ');
    return waiting(
      evidence,
      `no caller has needed it for ${hours(quietFor)}, but nobody at all has called ${names}, which shows nothing`,
    );
  }
  return { isEnough: true, evidence: before, sentence: `no caller has needed it for ${hours(quietFor)}` };
}

/** @returns undefined while the silence goes on */
function whyInterrupted(
  { unit, services }: Evidence,
  reading: CounterReading,
  sinceSeenMs: number,
  quietMs: number,
): string | undefined {
  if (reading.unit !== unit) return 'another unit counts now: the quiet period begins anew';
  if (sinceSeenMs < 0 || sinceSeenMs > quietMs * gapShare)
    return 'nobody looked at the counters for too long: the quiet period begins anew';
  for (const [service, { admitted, retiring }] of reading.services) {
    const known = services.get(service);
    if (known === undefined) return `service ${service} counts since now: the quiet period begins anew`;
    if (admitted < known.admittedAtLast || retiring < known.first.retiring)
      return `the counters of ${service} began anew, and so does the quiet period`;
    if (retiring > known.first.retiring) return `callers of ${service} still need it, or may`;
  }
  return undefined;
}

function beginAt(now: Date, { unit, services }: CounterReading): Evidence {
  return {
    from: now,
    seen: now,
    unit,
    services: new Map(
      [...services].map(([service, first]) => [service, { first, admittedAtLast: first.admitted }]),
    ),
  };
}

function lookAt({ services }: Evidence, reading: CounterReading): Evidence['services'] {
  return new Map(
    [...services].flatMap(([service, { first }]) => {
      const counts = reading.services.get(service);
      return counts === undefined ? [] : [[service, { first, admittedAtLast: counts.admitted }]];
    }),
  );
}

export function renderEvidence({ from, seen, unit, services }: Evidence): DataGroupRecord[] {
  return [
    ...[...services].map(([service, { first, admittedAtLast }]) => ({
      name: `count/${service}`,
      data: `${first.admitted}.${first.retiring}.${admittedAtLast}`,
    })),
    { name: 'quiet-from', data: seconds(from) },
    { name: 'quiet-seen', data: seconds(seen) },
    { name: 'unit', data: unit },
  ];
}

/** @returns undefined when there is none, or when it cannot be read: the quiet period then begins anew */
export function parseEvidence(values: ReadonlyMap<string, string>): Evidence | undefined {
  const from = dateOf(values.get('quiet-from'));
  const seen = dateOf(values.get('quiet-seen'));
  const unit = values.get('unit');
  if (from === undefined || seen === undefined || unit === undefined) return undefined;
  const services = new Map<string, ServiceEvidence>();
  for (const [name, data] of values) {
    if (!name.startsWith('count/')) continue;
    const counts = /^(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/.exec(data);
    if (counts === null) return undefined;
    const [admitted = 0, retiring = 0, admittedAtLast = 0] = counts.slice(1).map(Number);
    services.set(name.slice('count/'.length), { first: { admitted, retiring }, admittedAtLast });
  }
  return { from, seen, unit, services };
}

function hours(ms: number): string {
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s`;
  return ms < 3_600_000 ? `${Math.floor(ms / 60_000)} min` : `${Math.floor(ms / 3_600_000)} h`;
}

function seconds(date: Date): string {
  return String(Math.floor(date.getTime() / 1000));
}

function dateOf(text: string | undefined): Date | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? new Date(Number(text) * 1000) : undefined;
}
