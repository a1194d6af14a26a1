import { weekdays } from '../config/maintenance-window.js';
import type { MaintenanceWindow } from '../config/maintenance-window.js';

/** A span of time, its end not included. */
export interface OpenSpan {
  readonly from: Date;
  readonly to: Date;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** Every window opens within a week; one of seven days that just closed does so at its very end. */
const horizonMs = 8 * dayMs;

/** With less than this left no certificate waits for anything. */
const safeShare = 0.2;

/**
 * When the windows are open in the eight days to come, in the order of their beginnings. Pure.
 *
 * A window is open whenever the clock on the wall of its time zone shows a time within it: it is shorter or longer by
 * the hour that is left out or comes twice, and one that lies in the hour which is left out does not open that day.
 */
export function openSpans(windows: readonly MaintenanceWindow[], now: Date): OpenSpan[] {
  return windows
    .flatMap((window) =>
      steadyOffsets(window.timeZone, now.getTime() - 2 * dayMs, now.getTime() + horizonMs).flatMap((steady) =>
        spansAtOffset(window, steady),
      ),
    )
    .filter(({ to }) => to > now)
    .toSorted((a, b) => a.from.getTime() - b.from.getTime());
}

/**
 * When a renewal begins that is due then: at once where there are no windows or one is open, else when one opens.
 *
 * A window yields to expiry: where less than a fifth of the lifetime would be left when it opens, nothing is gained by
 * waiting, and the renewal begins when it is due. Pure.
 *
 * @param dueAt now or later
 * @param spans undefined where renewals wait for no window
 */
export function renewalStart(
  dueAt: Date,
  { notBefore, notAfter }: { readonly notBefore: Date; readonly notAfter: Date },
  spans: readonly OpenSpan[] | undefined,
): Date {
  if (spans === undefined || spans.some(({ from, to }) => from <= dueAt && dueAt < to)) return dueAt;
  const next = spans.find(({ from }) => from > dueAt);
  const safeUntilMs = notAfter.getTime() - safeShare * (notAfter.getTime() - notBefore.getTime());
  return next !== undefined && next.from.getTime() <= safeUntilMs ? next.from : dueAt;
}

interface SteadyOffset {
  readonly fromMs: number;
  readonly toMs: number;
  /** What the zone's wall clock is ahead of UTC. */
  readonly offsetMs: number;
}

/** A stretch of time cut where the zone changes its offset; no zone does so twice within it. */
function steadyOffsets(timeZone: string, fromMs: number, toMs: number): SteadyOffset[] {
  const offsetAt = offsetsOf(timeZone);
  const first = offsetAt(fromMs);
  const last = offsetAt(toMs);
  if (first === last) return [{ fromMs, toMs, offsetMs: first }];
  let before = Math.floor(fromMs / minuteMs);
  let after = Math.ceil(toMs / minuteMs);
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetAt(middle * minuteMs) === first) before = middle;
    else after = middle;
  }
  const changeMs = after * minuteMs;
  return [
    { fromMs, toMs: changeMs, offsetMs: first },
    { fromMs: changeMs, toMs, offsetMs: last },
  ];
}

/** By days as UTC counts them, because a wall clock at a steady offset is UTC moved. */
function spansAtOffset(
  { days, from, to }: MaintenanceWindow,
  { fromMs, toMs, offsetMs }: SteadyOffset,
): OpenSpan[] {
  const open = days.map((day) => weekdays.indexOf(day));
  const length = (to > from ? to : to + 1440) - from;
  const spans: OpenSpan[] = [];
  const firstDay = Math.floor((fromMs + offsetMs) / dayMs) - 1;
  for (let day = firstDay; day * dayMs < toMs + offsetMs; day += 1) {
    // The first day of 1970 was a Thursday.
    if (!open.includes((day + 4) % 7)) continue;
    const startMs = day * dayMs + from * minuteMs - offsetMs;
    const cutFromMs = Math.max(startMs, fromMs);
    const cutToMs = Math.min(startMs + length * minuteMs, toMs);
    if (cutFromMs < cutToMs) spans.push({ from: new Date(cutFromMs), to: new Date(cutToMs) });
  }
  return spans;
}

function offsetsOf(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (ms) => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const wallMs = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
    return wallMs - Math.floor(ms / 1000) * 1000;
  };
}
