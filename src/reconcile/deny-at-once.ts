import { AgentError } from '../errors.js';
import type { IControlClient } from '../icontrol/client.js';
import { addRecords } from '../icontrol/data-group-records.js';
import { DeviceError } from '../icontrol/errors.js';
import { resourcePath } from '../icontrol/resource-path.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import { blockedBy } from './apply-plan.js';
import { serviceNames } from './names.js';
import { isOwned } from './ownership.js';

const kind = 'ltm/data-group/internal';

/**
 * Adds one record to the deny list of a service: a look at whose list that is and a single change, for the moment when
 * seconds count.
 *
 * It goes past the plan and its fence, which is safe for this change alone: a record more in the deny list can only keep
 * somebody out. The next reconcile makes the list what the ConfigMaps say again.
 *
 * @throws AgentError MESH_ERR_NOT_APPLIED when the service is not on the device; MESH_ERR_PLAN_BLOCKED when somebody
 *   else made a data group of that name
 */
export async function denyAtOnce(
  client: IControlClient,
  {
    partition,
    service,
    caller,
  }: { readonly partition: string; readonly service: string; readonly caller: SpiffeId },
): Promise<void> {
  const name = serviceNames(service).deny;
  const id = { partition, name };
  const commands = addRecords(id, [{ name: caller.text, data: 'deny' }]);
  if (!commands.ok) throw new AgentError('MESH_ERR_BUG', commands.reason, 'report this line to the project');
  const members = await client.resources.get(resourcePath(kind, id));
  if (members !== undefined && !isOwned({ kind, name, members }))
    throw blockedBy({ kind, name, reason: 'was not made by the agent' }, partition, client.device);
  try {
    for (const command of commands.value) await client.request({ ...command, repeatable: false });
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    if (error.code === 'MESH_ERR_DEVICE_EXISTS') return;
    if (error.code !== 'MESH_ERR_DEVICE_NOT_FOUND') throw error;
    throw new AgentError(
      'MESH_ERR_NOT_APPLIED',
      `service ${service} has no deny list on ${client.device}`,
      'run bigip-mesh apply first; until then nobody gets in',
    );
  }
}
