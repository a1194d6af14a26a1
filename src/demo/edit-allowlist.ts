import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { allowlistName } from './surroundings.js';

/** Edits the scenario's allowlist as an operator does with kubectl. */
export async function editAllowlist(
  kube: KubeClient,
  allow: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const ref = { kind: kinds.configMap, namespace: 'default', name: allowlistName };
  const before = await kube.get(ref, { signal });
  if (before === undefined) throw new Error('the scenario has an allowlist');
  await kube.replace(kinds.configMap, { ...before, data: { allow: `${allow.join('\n')}\n` } }, { signal });
}
