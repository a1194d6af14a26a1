/** The part of a Kubernetes object that every kind has. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubeMetadata;
  readonly [field: string]: unknown;
}

export interface KubeMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly [field: string]: unknown;
}

/** A kind as the API server's paths name it. */
export interface KubeKind {
  /** `v1`, `networking.istio.io/v1` */
  readonly apiVersion: string;
  readonly kind: string;
  /** `configmaps` */
  readonly plural: string;
  readonly namespaced: boolean;
}

/** One object by its name. */
export interface ObjectRef {
  readonly kind: KubeKind;
  /** Required for a namespaced kind, absent for a cluster-wide one. */
  readonly namespace?: string;
  readonly name: string;
}

/** What a list answered; a watch from its `resourceVersion` misses nothing. */
export interface KubeList<T extends KubeObject = KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** The reference of an object that was read or rendered. */
export function refOf(kind: KubeKind, object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  return { kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** `configmaps default/echo-callers`, as errors and logs name an object. */
export function describeRef(ref: ObjectRef): string {
  return `${ref.kind.plural} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`;
}

/** Whether an answer is an object at all, before anything is read from it. */
export function isKubeObject(value: unknown): value is KubeObject {
  if (typeof value !== 'object' || value === null) return false;
  const { apiVersion, kind, metadata } = value as Record<string, unknown>;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return false;
  return (
    typeof metadata === 'object' &&
    metadata !== null &&
    'name' in metadata &&
    typeof metadata.name === 'string'
  );
}
