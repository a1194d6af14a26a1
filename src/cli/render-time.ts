const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** A length of time in its largest unit of which there are at least two: `36h`, `5m`, `0s`. */
export function renderLength(ms: number): string {
  const [unit, size] = units.find(([, candidate]) => ms >= 2 * candidate) ?? (['s', 1000] as const);
  return `${Math.floor(Math.max(0, ms) / size)}${unit}`;
}

/** How much of a certificate's life is left, as a bar of ten: `[######----]`. */
export function renderLifeBar(notBefore: Date, notAfter: Date, now: Date): string {
  const whole = notAfter.getTime() - notBefore.getTime();
  const share = whole <= 0 ? 0 : (notAfter.getTime() - now.getTime()) / whole;
  const filled = Math.min(10, Math.max(0, Math.ceil(share * 10)));
  return `[${'#'.repeat(filled)}${'-'.repeat(10 - filled)}]`;
}

/** `14h left`, or `expired 2h ago`. */
export function renderRemaining(notAfter: Date, now: Date): string {
  const ms = notAfter.getTime() - now.getTime();
  return ms > 0 ? `${renderLength(ms)} left` : `expired ${renderLength(-ms)} ago`;
}
