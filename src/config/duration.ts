import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/**
 * Reads a duration as Go and Kubernetes write it (`24h`, `1h30m`), and days (`7d`).
 *
 * @returns milliseconds, more than zero
 */
export function parseDuration(text: string): Parsed<number> {
  if (!/^(\d+(ms|d|h|m|s))+$/.test(text)) {
    return refused(`"${text}" is no duration; write it like 24h, 90m or 1h30m`);
  }
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|d|h|m|s)/g)) {
    ms += Number(count) * (unitMs[unit ?? ''] ?? 0);
  }
  return ms > 0 ? accepted(ms) : refused(`"${text}" is no time at all; a duration is more than zero`);
}
