import type { IControlClient } from '../icontrol/client.js';
import type { Device } from '../icontrol/device.js';
import { DeviceError } from '../icontrol/errors.js';
import { applyPlan } from './apply-plan.js';
import type { ApplyOptions } from './apply-plan.js';
import { onlyAllowlists } from './left-out.js';
import { isEmptyPlan } from './plan.js';
import type { Plan } from './plan.js';

/**
 * To be called before a plan is carried out: with changes on the other unit that the active one lacks, the pair is for
 * a person to put in order first. Who was taken off an allowlist does not get in meanwhile: that much is done, on the
 * active unit alone.
 *
 * @throws DeviceError MESH_ERR_DEVICE_SYNC_CONFLICT
 */
export async function requireWritable(
  units: Device,
  client: IControlClient,
  plan: Plan,
  options: ApplyOptions,
): Promise<void> {
  try {
    await units.requireNoChangesElsewhere(client);
  } catch (error) {
    const allowlists = onlyAllowlists(plan);
    if (isSyncConflict(error) && !isEmptyPlan(allowlists)) {
      await applyPlan(client, allowlists, options);
      await client.system.saveConfig();
    }
    throw error;
  }
}

/**
 * Saves what is on the active unit, and brings it to the other one.
 *
 * @returns why the other unit does not have it; the active one has it all the same, and can be proven
 * @throws what saving on the active unit throws
 */
export async function makeLast(
  units: Device,
  client: IControlClient,
  isChanged: boolean,
): Promise<DeviceError | undefined> {
  await client.system.saveConfig();
  try {
    await units.sync(client, { isChanged });
    return undefined;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    const { code, message, nextStep, resource } = error;
    return new DeviceError(code, `${client.device} has it, the other unit may not: ${message}`, nextStep, {
      resource,
    });
  }
}

function isSyncConflict(error: unknown): boolean {
  return error instanceof DeviceError && error.code === 'MESH_ERR_DEVICE_SYNC_CONFLICT';
}
