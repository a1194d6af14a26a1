/** How long to wait between tries of something that fails. */
interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * The wait after the given number of failures in a row: it doubles each time, up to the longest.
 *
 * Up to half of it is taken off by chance, so that what failed together does not try again together.
 *
 * @param failures from 1
 * @param random from 0 up to but not including 1
 */
export function backOffMs({ firstMs, longestMs }: BackOff, failures: number, random: () => number): number {
  const fullMs = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(fullMs * (1 - random() / 2));
}
