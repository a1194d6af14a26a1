import type { Clock } from '../clock.js';
import { textOf } from './answer.js';
import { DeviceError } from './errors.js';
import type { JsonObject, Requester } from './request.js';

const pollMs = 2000;

/**
 * Runs a command that may outlast the 60 s that a device gives a plain call, as a task of its own.
 *
 * @param kind `sys/config`, to be run below `/mgmt/tm/task`
 * @throws DeviceError MESH_ERR_DEVICE_REFUSED when the task fails, MESH_ERR_DEVICE_TIMEOUT after the deadline
 */
export async function runTask(
  requester: Requester,
  clock: Clock,
  {
    kind,
    body,
    deadlineMs,
  }: { readonly kind: string; readonly body: JsonObject; readonly deadlineMs: number },
): Promise<void> {
  const tasks = `/mgmt/tm/task/${kind}`;
  const untilMs = clock.now().getTime() + deadlineMs;
  const started = await requester.request({ method: 'POST', path: tasks, body });
  const task = `${tasks}/${String(Number(started.json?.['_taskId']))}`;
  await requester.request({ method: 'PUT', path: task, body: { _taskState: 'VALIDATING' } });
  for (;;) {
    const state = await taskState(requester, task);
    if (state === 'COMPLETED') return;
    if (state === 'FAILED') {
      throw new DeviceError('MESH_ERR_DEVICE_REFUSED', `${task} failed`, 'Read /var/log/ltm of the device', {
        resource: task,
      });
    }
    if (clock.now().getTime() >= untilMs) {
      throw new DeviceError(
        'MESH_ERR_DEVICE_TIMEOUT',
        `${task} is ${state} after ${deadlineMs / 1000} s`,
        'Check the load of the device',
        { resource: task, outcomeUnknown: true },
      );
    }
    await clock.sleep(pollMs);
  }
}

/** Between two states a task is sometimes not to be found. */
async function taskState(requester: Requester, task: string): Promise<string> {
  try {
    const { json } = await requester.request({ method: 'GET', path: task });
    return textOf(json, '_taskState') ?? 'in no known state';
  } catch (error) {
    if (error instanceof DeviceError && error.status === 404) return 'not found';
    throw error;
  }
}
