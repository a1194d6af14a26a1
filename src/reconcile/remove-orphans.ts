import type { IControlClient } from '../icontrol/client.js';
import { DeviceError } from '../icontrol/errors.js';
import { applyPlan } from './apply-plan.js';
import type { ApplyOptions } from './apply-plan.js';
import { observeDataGroups, stateOf } from './observe.js';
import { epochOfUpload } from './upload-mark.js';

/**
 * Removes the files that killed runs left in the upload folder: they may be private keys, in clear, and nothing on a
 * device tidies that folder.
 *
 * Files of an epoch that has passed are of no use to anybody, nor are those of one that is to come: they were there
 * before the epoch was read, so a ledger that is gone counted it. For those of the present one, which a run beside this
 * one may be about to use, the epoch is moved on first: that run's transaction then fails as a whole, and is tried
 * again with files of its own.
 *
 * To be called after the changes of a run, if any: they move the epoch on, too.
 *
 * @returns whether the epoch was moved on. A device that does not let itself be tidied, or that somebody else writes to
 *   just now, is left as it is: what a run has to do is not held up by what another one left.
 */
export async function removeOrphans(client: IControlClient, options: ApplyOptions): Promise<boolean> {
  const { partition, signal } = options;
  try {
    const found = (await client.uploads.list(signal)).flatMap((name) => {
      const epoch = epochOfUpload(name, partition);
      return epoch === undefined ? [] : [{ name, epoch }];
    });
    if (found.length === 0) return false;
    const { epoch, ledger } = stateOf(await observeDataGroups(client, partition, signal));
    if (ledger === undefined) return false;
    const isMoved = found.some((upload) => upload.epoch === epoch);
    if (isMoved) {
      const nothing = { createPartition: false, changes: [], blockers: [], unlisted: [] };
      await applyPlan(client, { ...nothing, epoch, ledger }, options);
    }
    await client.uploads.remove(found.map(({ name }) => name));
    return isMoved;
  } catch (error) {
    if (error instanceof DeviceError) return false;
    throw error;
  }
}
