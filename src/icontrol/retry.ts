import pRetry from 'p-retry';
import type { Clock } from '../clock.js';
import type { ErrorCode } from '../errors.js';
import { DeviceError } from './errors.js';

const retries = 3;
const firstDelayMs = 1000;

/**
 * What may be over in seconds. Left out on purpose: a timeout, which has already waited a minute; a refused token,
 * because each new login takes one of the 100 that a user may hold; and the limit of those.
 */
const worthRepeating = new Set<ErrorCode>([
  'MESH_ERR_DEVICE_BUSY',
  'MESH_ERR_DEVICE_NOT_READY',
  'MESH_ERR_DEVICE_UNREACHABLE',
]);

/**
 * Repeats a call that does no harm when made twice, after 1, 2 and 4 seconds by the given clock.
 *
 * A device that boots takes minutes: that is for the reconcile loop to wait out, not for one call.
 */
export function repeatWhileTransient<T>(
  call: () => Promise<T>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal | undefined },
): Promise<T> {
  return pRetry(call, {
    retries,
    // p-retry keeps the count; the injected clock does the waiting.
    minTimeout: 0,
    signal,
    shouldRetry: async ({ error, attemptNumber }) => {
      if (!(error instanceof DeviceError) || !worthRepeating.has(error.code)) return false;
      await clock.sleep(firstDelayMs * 2 ** (attemptNumber - 1), signal);
      return true;
    },
  });
}
