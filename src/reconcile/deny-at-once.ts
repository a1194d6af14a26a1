import { AgentError } from '../errors.js';
import type { IControlClient } from '../icontrol/client.js';
import { addRecords } from '../icontrol/data-group-records.js';
import { DeviceError } from '../icontrol/errors.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import { serviceNames } from './names.js';

/**
 * Adds one record to the deny list of a service: a single request, for the moment when seconds count.
 *
 * It goes past the plan and its fence, which is safe for this change alone: a record more in the deny list can only keep
 * somebody out. The next reconcile makes the list what the ConfigMaps say again.
 *
 * @throws AgentError MESH_ERR_NOT_APPLIED when the service is not on the device
 */
export async function denyAtOnce(
  client: IControlClient,
  {
    partition,
    service,
    caller,
  }: { readonly partition: string; readonly service: string; readonly caller: SpiffeId },
): Promise<void> {
  const commands = addRecords({ partition, name: serviceNames(service).deny }, [
    { name: caller.text, data: 'deny' },
  ]);
  if (!commands.ok) throw new AgentError('MESH_ERR_BUG', commands.reason, 'report this line to the project');
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
