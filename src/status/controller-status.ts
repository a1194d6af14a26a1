import { parse } from 'yaml';
import { z } from 'zod';
import { statusName } from '../controller/status-config-map.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';

const time = z.iso.datetime().transform((text) => new Date(text));
const trouble = z.object({ code: z.string(), message: z.string(), nextStep: z.string() });

/** The part of the controller's status that others build on; whatever else stands there is left alone. */
const deviceStatus = z.object({
  reconciledAt: time.optional(),
  error: trouble.optional(),
  services: z.record(
    z.string(),
    z.object({
      provenAt: time.optional(),
      calls: z.object({ rejectedLastHour: z.number().optional() }).optional(),
      error: trouble.optional(),
    }),
  ),
});
export type ControllerStatus = z.output<typeof deviceStatus>;

/**
 * What a controller last said of each device in its status ConfigMap. None where no controller runs, or an older or
 * newer one wrote something else.
 *
 * @throws AgentError MESH_ERR_KUBE_* when it cannot be read
 */
export async function readControllerStatus(
  kube: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ControllerStatus>> {
  const found = await kube.get({ kind: kinds.configMap, namespace, name: statusName }, { signal });
  const data = (found?.['data'] ?? {}) as Readonly<Record<string, string>>;
  return new Map(
    Object.entries(data).flatMap(([device, text]) => {
      const read = deviceStatus.safeParse(parseYaml(text));
      return read.success ? [[device, read.data]] : [];
    }),
  );
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
