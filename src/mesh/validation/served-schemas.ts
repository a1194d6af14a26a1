import { AgentError } from '../../errors.js';
import type { CallOptions } from '../../kube/api-server.js';
import type { KubeClient } from '../../kube/client.js';
import { kinds } from '../../kube/kinds.js';
import type { KubeKind, KubeObject } from '../../kube/object.js';
import { fieldsAt, objectsAt, textAt } from './fields.js';
import type { StructuralSchema } from './structural-schema.js';
import { describeType } from './validate.js';
import type { ServedSchemas } from './validate.js';

/** The schemas of every version that a definition serves. */
export function schemasOf(definition: KubeObject): ServedSchemas {
  const spec = fieldsAt(definition, 'spec');
  const kind = textAt(fieldsAt(spec, 'names'), 'kind');
  const group = textAt(spec, 'group');
  const schemas = new Map<string, StructuralSchema>();
  for (const [, version] of objectsAt(spec, 'versions')) {
    const schema = fieldsAt(fieldsAt(version, 'schema'), 'openAPIV3Schema');
    if (version['served'] !== true || schema === undefined) continue;
    schemas.set(describeType({ apiVersion: `${group}/${textAt(version, 'name')}`, kind }), schema);
  }
  return schemas;
}

/**
 * Reads the schemas of a kind as the cluster serves them.
 *
 * @returns an empty map where the definition does not exist or may not be read: then the built-in schema judges.
 * @throws AgentError MESH_ERR_KUBE_* for every other failure
 */
export async function readServedSchemas(
  kube: KubeClient,
  kind: KubeKind,
  options: CallOptions = {},
): Promise<ServedSchemas> {
  const [group = ''] = kind.apiVersion.split('/');
  const ref = { kind: kinds.customResourceDefinition, name: `${kind.plural}.${group}` };
  try {
    const definition = await kube.get(ref, options);
    return definition === undefined ? new Map() : schemasOf(definition);
  } catch (error) {
    if (error instanceof AgentError && error.code === 'MESH_ERR_KUBE_FORBIDDEN') return new Map();
    throw error;
  }
}
