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
