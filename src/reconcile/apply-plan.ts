import { AgentError } from '../errors.js';
import type { IControlClient } from '../icontrol/client.js';
import { collectionPath, resourcePath } from '../icontrol/resource-path.js';
import { changeSet } from './change-set.js';
import { epochName } from './names.js';
import { ownerMark } from './ownership.js';
import type { Plan } from './plan.js';

export interface ApplyOptions {
  readonly partition: string;
  /** Who writes, for the epoch object: unique to this run. */
  readonly holder: string;
  readonly signal?: AbortSignal;
}

/**
 * Carries out a plan: files up, then one transaction, in full or not at all.
 *
 * The partition is the one thing that a device does not create inside a transaction.
 *
 * @throws AgentError MESH_ERR_PLAN_BLOCKED before anything is sent; what the device says otherwise
 */
export async function applyPlan(client: IControlClient, plan: Plan, options: ApplyOptions): Promise<void> {
  const { partition, holder, signal } = options;
  const [blocker] = plan.blockers;
  if (blocker !== undefined) {
    const path = `/${partition}/${blocker.name}`;
    throw new AgentError(
      'MESH_ERR_PLAN_BLOCKED',
      `${blocker.kind} ${path} on ${client.device} ${blocker.reason}`,
      'rename or remove that object, or give the agent another partition; nothing was changed',
    );
  }
  const planned = changeSet(plan, { partition, holder });
  const contents = planned.flatMap(({ upload }) => (upload === undefined ? [] : [upload]));
  if (plan.createPartition) {
    await client.resources.create(collectionPath('auth/partition'), {
      name: partition,
      description: ownerMark(),
    });
  }
  await client.uploads.withFiles(
    contents,
    async (files) => {
      const sourcePaths = new Map(contents.map((content, index) => [content, files[index]?.sourcePath]));
      const commands = planned.map(({ command, upload }) =>
        upload === undefined
          ? command
          : { ...command, body: { ...command.body, sourcePath: sourcePaths.get(upload) } },
      );
      await client.transactions.commit(commands, {
        resolve: () => isHolder(client, partition, plan.epoch + 1, holder),
        ...(signal === undefined ? {} : { signal }),
      });
    },
    signal === undefined ? {} : { signal },
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
