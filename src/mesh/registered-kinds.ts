import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { renderLabelSelector } from '../kube/label-selector.js';
import type { KubeKind, KubeObject } from '../kube/object.js';
import { isOwned, ownerLabels } from './ownership.js';
import type { RegistrationForm } from './registered-service.js';

/** Whose registration: the name in the config file, and the namespace of its identity. */
export interface RegistrationKey {
  readonly name: string;
  readonly namespace: string;
  /** The form of now; `none` when the agent has nothing to keep. */
  readonly form: RegistrationForm | 'none';
}

/** An object that the agent made for the service, in the version that the cluster serves. */
export interface OwnedObject {
  readonly kind: KubeKind;
  readonly object: KubeObject;
}

/**
 * Every kind that a registration can be made of, in the order in which objects go: first no more endpoint, then no more
 * name, and only then the rule without which an endpoint would be called in plain text.
 */
export const registeredKinds = [
  kinds.workloadEntry,
  kinds.endpointSlice,
  kinds.serviceEntry,
  kinds.service,
  kinds.destinationRule,
  kinds.serviceAccount,
] as const satisfies readonly KubeKind[];

const kindsOfForm: Readonly<Record<RegistrationForm, readonly KubeKind[]>> = {
  'workload-entry': [kinds.workloadEntry, kinds.service, kinds.serviceAccount],
  'service-entry': [kinds.workloadEntry, kinds.serviceEntry, kinds.serviceAccount],
  'endpoint-slice': [kinds.endpointSlice, kinds.service, kinds.destinationRule, kinds.serviceAccount],
};

export function isKindOfForm(kind: KubeKind, form: RegistrationForm): boolean {
  return kindsOfForm[form].includes(kind);
}

/** Older Istio serves the same objects in these (networking.istio.io/v1 came with 1.22). */
const earlierVersions = ['v1beta1', 'v1alpha3'];

/**
 * What the agent made for a service, of one kind.
 *
 * The version is found by asking: v1 first, then the earlier ones. That costs no request and no permission where v1 is
 * served, and the answers of all are the same objects.
 *
 * @returns undefined when the cluster serves the kind in no version.
 * @throws AgentError MESH_ERR_KUBE_* when it cannot be read
 */
export async function listOwnedOf(
  kube: KubeClient,
  kind: KubeKind,
  { name, namespace }: RegistrationKey,
  signal?: AbortSignal,
): Promise<{ readonly kind: KubeKind; readonly objects: readonly OwnedObject[] } | undefined> {
  const labelSelector = renderLabelSelector(ownerLabels(name));
  const [group = ''] = kind.apiVersion.split('/');
  const isIstio = group.endsWith('.istio.io');
  const versions = [
    kind.apiVersion,
    ...(isIstio ? earlierVersions.map((version) => `${group}/${version}`) : []),
  ];
  for (const apiVersion of versions) {
    const served = { ...kind, apiVersion };
    try {
      const { items } = await kube.list(served, { namespace, labelSelector }, { signal });
      // Not on a selector's word alone: by the labels of the very object.
      const objects = items
        .filter((object) => isOwned(object, name))
        .map((object) => ({ kind: served, object }));
      return { kind: served, objects };
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== 'MESH_ERR_KUBE_NOT_SERVED') throw error;
    }
  }
  return undefined;
}

/**
 * What the agent made for a service, of a kind that its form of now does not use: left by an earlier form.
 *
 * Where the agent may not list a kind it cannot have made objects of it with its permissions of now; nothing is said
 * of them then, and nothing is deleted.
 */
export async function listLeftOf(
  kube: KubeClient,
  kind: KubeKind,
  service: RegistrationKey,
  signal?: AbortSignal,
): Promise<readonly OwnedObject[]> {
  try {
    return (await listOwnedOf(kube, kind, service, signal))?.objects ?? [];
  } catch (error) {
    if (error instanceof AgentError && error.code === 'MESH_ERR_KUBE_FORBIDDEN') return [];
    throw error;
  }
}

/** @throws AgentError MESH_ERR_MESH_CRD_MISSING */
export function missingDefinition({ apiVersion, kind, plural }: KubeKind): AgentError {
  const [group = '', version = ''] = apiVersion.split('/');
  const versions = [version, ...earlierVersions].join(', ');
  return new AgentError(
    'MESH_ERR_MESH_CRD_MISSING',
    `the cluster serves no ${kind}: ${plural}.${group} is not there in ${versions}`,
    "install Istio's definitions (its chart `base`, or `istioctl install`), or set registration to none",
  );
}
