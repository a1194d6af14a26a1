import { AgentError } from '../../errors.js';
import type { ErrorCode } from '../../errors.js';
import { absent, known, unknown } from '../datum.js';
import type { Datum } from '../datum.js';

/** Refusals that a permission would mend. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'MESH_ERR_DEVICE_ACCESS_DENIED',
  'MESH_ERR_KUBE_FORBIDDEN',
]);

/**
 * What a reading gives as a datum; `undefined` is known absence.
 *
 * @param permission what it needs, as an operator would grant it
 * @throws whatever is no AgentError, and the reason of an aborted signal
 */
export async function toDatum<T>(permission: string, read: () => Promise<T | undefined>): Promise<Datum<T>> {
  try {
    const value = await read();
    return value === undefined ? absent : known(value);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // A kind that is not served has no objects.
    if (error.code === 'MESH_ERR_KUBE_NOT_SERVED') return absent;
    return unknown({
      reason: error.message,
      ...(refusals.has(error.code) ? { needs: permission } : {}),
    });
  }
}
