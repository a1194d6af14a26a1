import type { Clock } from '../clock.js';

/** Raised by `withDeadline`; it never leaves this folder. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
}

interface Deadline {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The caller's own reason to stop. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs one call under a deadline and the caller's signal, whichever comes first.
 *
 * It also ends the wait for work that knows no signal (a credential plugin that hangs).
 *
 * @throws DeadlinePassed, or the signal's reason.
 */
export async function withDeadline<T>(
  { clock, timeoutMs, signal }: Deadline,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const finished = new AbortController();
  const expire = clock.sleep(timeoutMs, finished.signal).then(
    () => stop.abort(new DeadlinePassed(`no answer within ${timeoutMs} ms`)),
    () => undefined,
  );
  const forward = (): void => stop.abort(signal?.reason);
  signal?.addEventListener('abort', forward, { once: true });
  const stopped = new Promise<never>((_resolve, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error), { once: true });
  });
  try {
    return await Promise.race([run(stop.signal), stopped]);
  } finally {
    signal?.removeEventListener('abort', forward);
    finished.abort();
    await expire;
  }
}
