import type { Command, Method } from '../icontrol/request.js';
import { collectionPath } from '../icontrol/resource-path.js';
import { transactionRequests } from '../icontrol/transaction.js';
import { removalRequest, sourcePathOf, uploadChunks } from '../icontrol/upload.js';
import { changeSet } from './change-set.js';
import type { ChangeSetOptions } from './change-set.js';
import { ownerMark } from './ownership.js';
import { isEmptyPlan } from './plan.js';
import type { Plan } from './plan.js';

/** A request that changes something, as it will be sent. */
export interface PlannedRequest {
  readonly method: Method;
  /** What only the device or chance decides is spelt `TRANSACTION`, `mesh-FILE` and `RUN`. */
  readonly path: string;
  /** Of the request's body. */
  readonly bytes: number;
}

/** As long as the names that uploads get: 32 hexadecimal digits. */
const anyFile = `mesh-${'0'.repeat(32)}`;
const anyTransaction = '0'.repeat(16);

/** The partition as such: the one thing that a device does not create inside a transaction. */
export function partitionRequest(partition: string): Command {
  const body = { name: partition, description: ownerMark() };
  return { method: 'POST', path: collectionPath('auth/partition'), body };
}

/**
 * Every request that carrying out a plan sends, reads and logins left out. Pure.
 *
 * @param last what makes the change last: saving, and synchronising a pair
 */
export function plannedRequests(
  plan: Plan,
  options: ChangeSetOptions,
  last: readonly Command[],
): PlannedRequest[] {
  if (plan.blockers.length > 0) return [];
  if (isEmptyPlan(plan)) return last.map((command) => asPlanned(command));
  const planned = changeSet(plan, options);
  const uploads = planned.flatMap(({ upload }) => (upload === undefined ? [] : [upload]));
  const commands = planned.map(({ command, upload }) =>
    upload === undefined
      ? command
      : { ...command, body: { ...command.body, sourcePath: sourcePathOf(anyFile) } },
  );
  const { open, queue, commit } = transactionRequests(commands, { id: anyTransaction });
  const files = uploads.map(() => anyFile);
  return [
    ...(plan.createPartition ? [asPlanned(partitionRequest(options.partition))] : []),
    ...uploads.flatMap((content) => {
      const { path, sizes } = uploadChunks(anyFile, Buffer.byteLength(content.reveal()));
      return sizes.map((bytes) => asPlanned({ method: 'POST', path }, bytes));
    }),
    ...[open, ...queue, commit].map((command) => asPlanned(command)),
    ...(files.length === 0 ? [] : [asPlanned(removalRequest(files, { isComplete: true }))]),
    ...last.map((command) => asPlanned(command)),
  ];
}

function asPlanned({ method, path, body }: Command, bytes = bytesOf(body)): PlannedRequest {
  return { method, path: withoutChance(path), bytes };
}

function bytesOf(body: Command['body']): number {
  return body === undefined ? 0 : Buffer.byteLength(JSON.stringify(body));
}

/** The same path for every run: what stands for a transaction, a file or the run is a word, not a number. */
export function withoutChance(path: string): string {
  return path
    .replace(/(\/transaction\/)\d+$/, '$1TRANSACTION')
    .replace(/(\/uploads\/)mesh-[0-9a-f]{32}$/, '$1mesh-FILE')
    .replace(/(%20epoch%3A\d+%20%7B%20data%20)\S+?(?=%20%7D)/, '$1RUN');
}
