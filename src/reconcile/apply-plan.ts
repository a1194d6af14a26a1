import { AgentError } from '../errors.js';
import { DeviceError } from '../icontrol/errors.js';
import type { IControlClient } from '../icontrol/client.js';
import type { Command } from '../icontrol/request.js';
import { collectionPath, resourcePath } from '../icontrol/resource-path.js';
import { changeSet } from './change-set.js';
import type { PlannedCommand } from './change-set.js';
import { recordsOf } from './data-group-change.js';
import { epochKey } from './ledger.js';
import { ledgerName } from './names.js';
import { partitionRequest } from './planned-requests.js';
import type { Blocker, Plan } from './plan.js';
import { uploadMark } from './upload-mark.js';

export interface ApplyOptions {
  readonly partition: string;
  /** Who writes, with the epoch in the ledger: unique to this run. */
  readonly holder: string;
  /**
   * Called when all that the plan came from has been read, with the epoch that it starts from; throws if this run may
   * not write any more.
   */
  readonly beforeCommit?: ((epoch: number) => void) | undefined;
  /** Told of the epoch that this run has made, when that is certain. */
  readonly onCommitted?: ((epoch: number) => void) | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Carries out a plan: files up, then one transaction, in full or not at all.
 *
 * The partition is the one thing that a device does not create inside a transaction.
 *
 * @throws AgentError MESH_ERR_PLAN_BLOCKED before anything is sent; MESH_ERR_PLAN_OUTDATED when another writer was
 *   faster; what the device says otherwise
 */
export async function applyPlan(client: IControlClient, plan: Plan, options: ApplyOptions): Promise<void> {
  const { partition, holder, beforeCommit, onCommitted, signal } = options;
  const [blocker] = plan.blockers;
  if (blocker !== undefined) throw blockedBy(blocker, partition, client.device);
  if (plan.createPartition) {
    const { body = {} } = partitionRequest(partition);
    await client.resources.create(collectionPath('auth/partition'), body);
  }
  const mark = uploadMark(partition, plan.epoch);
  const planned = changeSet(plan, { partition, holder });
  await withCommands(client, planned, { mark, signal }, async (commands) => {
    beforeCommit?.(plan.epoch);
    await client.transactions
      .commit(commands, {
        resolve: () => isHolder(client, partition, plan.epoch + 1, holder),
        ...(signal === undefined ? {} : { signal }),
      })
      .catch((error: unknown) => {
        throw isFenced(error) ? outdated(client.device, error) : error;
      });
    onCommitted?.(plan.epoch + 1);
  });
}

/**
 * Lets the device check a plan and change nothing but its upload folder, which is tidied up.
 *
 * @throws AgentError MESH_ERR_PLAN_BLOCKED before anything is sent; what the device objects to otherwise
 */
export async function validatePlan(
  client: IControlClient,
  plan: Plan,
  { partition, holder, signal }: Omit<ApplyOptions, 'beforeCommit' | 'onCommitted'>,
): Promise<void> {
  const [blocker] = plan.blockers;
  if (blocker !== undefined) throw blockedBy(blocker, partition, client.device);
  const mark = uploadMark(partition, plan.epoch);
  const planned = changeSet(plan, { partition, holder });
  await withCommands(client, planned, { mark, signal }, (commands) =>
    client.transactions.commit(commands, {
      validateOnly: true,
      ...(signal === undefined ? {} : { signal }),
    }),
  );
}

/** Sends the files, gives the commands that refer to them to `use`, and removes them from the upload folder. */
async function withCommands(
  client: IControlClient,
  planned: readonly PlannedCommand[],
  options: { readonly mark: string; readonly signal: AbortSignal | undefined },
  use: (commands: readonly Command[]) => Promise<void>,
): Promise<void> {
  const contents = planned.flatMap(({ upload }) => (upload === undefined ? [] : [upload]));
  await client.uploads.withFiles(
    contents,
    (files) => {
      const sourcePaths = new Map(contents.map((content, index) => [content, files[index]?.sourcePath]));
      return use(
        planned.map(({ command, upload }) =>
          upload === undefined
            ? command
            : { ...command, body: { ...command.body, sourcePath: sourcePaths.get(upload) } },
        ),
      );
    },
    options,
  );
}

export function blockedBy({ kind, name, reason }: Blocker, partition: string, device: string): AgentError {
  return new AgentError(
    'MESH_ERR_PLAN_BLOCKED',
    `${kind} /${partition}/${name} on ${device} ${reason}`,
    'rename or remove that object, or give the agent another partition; nothing was changed',
  );
}

/**
 * The record of epoch N is gone, or that of N+1 is there, or so is the first ledger: the device refused the first
 * commands of the transaction, and so all of it.
 */
function isFenced(error: unknown): error is DeviceError {
  return (
    error instanceof DeviceError &&
    (error.code === 'MESH_ERR_DEVICE_NOT_FOUND' || error.code === 'MESH_ERR_DEVICE_EXISTS') &&
    new RegExp(`\\b${ledgerName}\\b`).test(error.message)
  );
}

function outdated(device: string, { resource }: DeviceError): DeviceError {
  return new DeviceError(
    'MESH_ERR_PLAN_OUTDATED',
    `another writer changed ${device} since it was read; nothing was changed`,
    'run again; if it stays, find out who else runs with this partition',
    { resource },
  );
}

/** After a lost answer: the epoch is there, and it is this run that made it, if and only if it was committed. */
async function isHolder(
  client: IControlClient,
  partition: string,
  epoch: number,
  holder: string,
): Promise<boolean> {
  const ledger = await client.resources.get(
    resourcePath('ltm/data-group/internal', { partition, name: ledgerName }),
  );
  return recordsOf(ledger ?? {}).some(({ name, data }) => name === epochKey(epoch) && data === holder);
}
