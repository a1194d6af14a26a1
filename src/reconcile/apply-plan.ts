import { AgentError } from '../errors.js';
import { DeviceError } from '../icontrol/errors.js';
import type { IControlClient } from '../icontrol/client.js';
import type { Command } from '../icontrol/request.js';
import { collectionPath, resourcePath } from '../icontrol/resource-path.js';
import { changeSet } from './change-set.js';
import type { PlannedCommand } from './change-set.js';
import { epochName } from './names.js';
import { partitionRequest } from './planned-requests.js';
import type { Blocker, Plan } from './plan.js';

export interface ApplyOptions {
  readonly partition: string;
  /** Who writes, for the epoch object: unique to this run. */
  readonly holder: string;
  /** Called when all that the plan came from has been read; throws if this run may not write any more. */
  readonly beforeCommit?: (() => void) | undefined;
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
  const { partition, holder, beforeCommit, signal } = options;
  const [blocker] = plan.blockers;
  if (blocker !== undefined) throw blockedBy(blocker, partition, client.device);
  if (plan.createPartition) {
    const { body = {} } = partitionRequest(partition);
    await client.resources.create(collectionPath('auth/partition'), body);
  }
  await withCommands(client, changeSet(plan, { partition, holder }), signal, async (commands) => {
    beforeCommit?.();
    await client.transactions
      .commit(commands, {
        resolve: () => isHolder(client, partition, plan.epoch + 1, holder),
        ...(signal === undefined ? {} : { signal }),
      })
      .catch((error: unknown) => {
        throw isFenced(error, plan.epoch) ? outdated(client.device, error) : error;
      });
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
  { partition, holder, signal }: Omit<ApplyOptions, 'beforeCommit'>,
): Promise<void> {
  const [blocker] = plan.blockers;
  if (blocker !== undefined) throw blockedBy(blocker, partition, client.device);
  await withCommands(client, changeSet(plan, { partition, holder }), signal, (commands) =>
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
  signal: AbortSignal | undefined,
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
    signal === undefined ? {} : { signal },
  );
}

export function blockedBy({ kind, name, reason }: Blocker, partition: string, device: string): AgentError {
  return new AgentError(
    'MESH_ERR_PLAN_BLOCKED',
    `${kind} /${partition}/${name} on ${device} ${reason}`,
    'rename or remove that object, or give the agent another partition; nothing was changed',
  );
}

/** Epoch N is gone, or N+1 is there: the device refused the first commands of the transaction, and so all of it. */
function isFenced(error: unknown, epoch: number): error is DeviceError {
  return (
    error instanceof DeviceError &&
    (error.code === 'MESH_ERR_DEVICE_NOT_FOUND' || error.code === 'MESH_ERR_DEVICE_EXISTS') &&
    [epoch, epoch + 1].some((number) => new RegExp(`\\b${epochName(number)}\\b`).test(error.message))
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

/** After a lost answer: the epoch object exists, and it is this run that created it, if and only if it was committed. */
async function isHolder(
  client: IControlClient,
  partition: string,
  epoch: number,
  holder: string,
): Promise<boolean> {
  const object = await client.resources.get(
    resourcePath('ltm/data-group/internal', { partition, name: epochName(epoch) }),
  );
  const records = (object?.['records'] ?? []) as ReadonlyArray<{ name?: unknown; data?: unknown }>;
  return records.some((record) => record.name === 'holder' && record.data === holder);
}
