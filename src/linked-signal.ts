import { setMaxListeners } from 'node:events';

/** One signal for several, until it is no longer needed. */
export interface LinkedSignal {
  /** Aborts with the first of them, for the same reason. */
  readonly signal: AbortSignal;
  /** Takes it off the others again. */
  readonly unlink: () => void;
}

/**
 * Links signals for as long as one piece of work lasts.
 *
 * `AbortSignal.any` has no way back: in Node 20 each signal that it makes leaves an entry with those that it was made of,
 * and where one of these lives as long as the process, every request adds to its memory.
 */
export function linkSignals(...signals: ReadonlyArray<AbortSignal | undefined>): LinkedSignal {
  const controller = new AbortController();
  const linked = signals.filter((signal) => signal !== undefined);
  const abort = ({ target }: Event): void => controller.abort((target as AbortSignal).reason);
  const aborted = linked.find((signal) => signal.aborted);
  if (aborted !== undefined) controller.abort(aborted.reason);
  for (const signal of linked) {
    // However many pieces of work are under way, each takes itself off.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort, { once: true });
  }
  return {
    signal: controller.signal,
    unlink: () => {
      for (const signal of linked) signal.removeEventListener('abort', abort);
    },
  };
}
