import { createHash } from 'node:crypto';

import type { KubeKind, KubeMetadata, KubeObject } from '../kube/object.js';
import { ownerLabels } from './ownership.js';
import type { RegisteredService } from './registered-service.js';

export interface RegistrationObject {
  readonly kind: KubeKind;
  readonly object: KubeObject;
}

/** Changes whenever the agent renders something else, so that an object with fields of before is noticed. */
export const renderedAnnotation = 'bigip-mesh.io/rendered';

/** One object of a registration, with the owner's mark. */
export function renderObject(
  service: RegisteredService,
  kind: KubeKind,
  name: string,
  content: {
    readonly spec?: object;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    /** Fields beside `spec`, of kinds that have none. */
    readonly fields?: object;
  } = {},
): RegistrationObject {
  const { spec, labels, annotations = {}, fields } = content;
  const metadata: KubeMetadata = {
    name,
    namespace: service.namespace,
    labels: { ...ownerLabels(service.name), ...labels },
    annotations,
  };
  const { apiVersion } = kind;
  const bare = { apiVersion, kind: kind.kind, metadata, ...(spec === undefined ? {} : { spec }), ...fields };
  const rendered = createHash('sha256').update(JSON.stringify(bare)).digest('hex').slice(0, 12);
  const object = {
    ...bare,
    metadata: { ...metadata, annotations: { ...annotations, [renderedAnnotation]: rendered } },
  };
  return { kind, object };
}
