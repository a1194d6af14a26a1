import pRetry from 'p-retry';

import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';

interface Repetition {
  readonly tries: number;
  /** @param attempt the one that failed, counted from 1. */
  readonly delayMs: (attempt: number) => number;
  readonly isWorthIt: (error: AgentError) => boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Makes a call again as long as it fails of what may be over soon; the last error is the one that is thrown. */
export function repeat<T>(
  call: () => Promise<T>,
  { tries, delayMs, isWorthIt, clock, signal }: Repetition,
): Promise<T> {
  return pRetry(call, {
    retries: tries - 1,
    // p-retry keeps the count; the injected clock does the waiting.
    minTimeout: 0,
    signal,
    shouldRetry: async ({ error, attemptNumber }) => {
      if (!(error instanceof AgentError) || !isWorthIt(error)) return false;
      await clock.sleep(delayMs(attemptNumber), signal);
      return true;
    },
  });
}
