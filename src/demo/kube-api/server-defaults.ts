import { isJsonObject, objectAt, stringAt } from './json.js';
import type { JsonObject } from './json.js';
import { nameOf } from './object-identity.js';
import type { Resource } from './resource.js';
import { withServiceDefaults } from './service-defaults.js';
import type { Store } from './store.js';

/** What the API server adds to objects of a kind on every write. */
export function withServerDefaults(
  resource: Resource,
  object: JsonObject,
  live: JsonObject | undefined,
  store: Store,
): JsonObject {
  switch (`${resource.group}/${resource.plural}`) {
    case '/services':
      return withServiceDefaults(resource, object, live, clusterAddresses(resource, store));
    case '/namespaces':
      return withNamespaceDefaults(object);
    case '/secrets':
      return withSecretDefaults(object);
    case 'apiextensions.k8s.io/customresourcedefinitions':
      return { ...object, status: object['status'] ?? establishedStatus() };
    default:
      return object;
  }
}

function clusterAddresses(resource: Resource, store: Store): ReadonlySet<string> {
  return new Set(
    store.all(resource).flatMap((service) => stringAt(objectAt(service, 'spec'), 'clusterIP') ?? []),
  );
}

/** `stringData` is for writing only: it ends up in `data`. */
function withSecretDefaults({ stringData, ...secret }: JsonObject): JsonObject {
  const encoded = Object.entries(isJsonObject(stringData) ? stringData : {}).map(([key, text]) => [
    key,
    Buffer.from(typeof text === 'string' ? text : '').toString('base64'),
  ]);
  const data = { ...objectAt(secret, 'data'), ...(Object.fromEntries(encoded) as JsonObject) };
  return {
    ...secret,
    ...(Object.keys(data).length === 0 ? {} : { data }),
    type: secret['type'] ?? 'Opaque',
  };
}

/** Source: k8s.io/kubernetes, pkg/apis/core/v1/defaults.go, `SetDefaults_Namespace`. */
function withNamespaceDefaults(namespace: JsonObject): JsonObject {
  const metadata = objectAt(namespace, 'metadata');
  return {
    ...namespace,
    metadata: {
      ...metadata,
      labels: { ...objectAt(metadata, 'labels'), 'kubernetes.io/metadata.name': nameOf(namespace) },
    },
    spec: namespace['spec'] ?? { finalizers: ['kubernetes'] },
    status: namespace['status'] ?? { phase: 'Active' },
  };
}

function establishedStatus(): JsonObject {
  const conditions = ['NamesAccepted', 'Established'];
  return { conditions: conditions.map((type) => ({ type, status: 'True', reason: 'NoConflicts' })) };
}
