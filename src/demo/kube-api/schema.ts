import type { Json } from './json.js';

/**
 * What merging has to know of a field, as the API's `x-kubernetes-list-type` and `-map-type` say it.
 *
 * Where nothing is said, the API server's rule for types without a schema holds: maps merge by key, lists are
 * replaced as a whole.
 */
export interface Schema {
  readonly fields?: Readonly<Record<string, Schema>>;
  /** The schema of every item of a list, or of every value of a map. */
  readonly items?: Schema;
  /** Absent: atomic. */
  readonly list?: 'set' | ListMap;
  /** A map that belongs to one owner as a whole. */
  readonly atomicMap?: true;
}

export interface ListMap {
  readonly keys: readonly string[];
  /** Values of keys that an item may leave out. */
  readonly defaults?: Readonly<Record<string, Json>>;
}

const conditions: Schema = { list: { keys: ['type'] } };

const metadata: Schema = {
  fields: { finalizers: { list: 'set' }, ownerReferences: { list: { keys: ['uid'] } } },
};

function schema(fields: Readonly<Record<string, Schema>>): Schema {
  return { fields: { metadata, ...fields } };
}

/** For kinds that say nothing of their lists, as Istio's do. */
export const plainSchema = schema({});

export const conditionsSchema = schema({ status: { fields: { conditions } } });

/** Source: k8s.io/api core/v1 types.go, `ServiceSpec`. */
export const serviceSchema = schema({
  spec: {
    fields: {
      selector: { atomicMap: true },
      ports: { list: { keys: ['port', 'protocol'], defaults: { protocol: 'TCP' } } },
    },
  },
  status: { fields: { conditions } },
});

/** Source: k8s.io/api core/v1 types.go, `ServiceAccount`. */
export const serviceAccountSchema = schema({ secrets: { list: { keys: ['name'] } } });

/** Source: k8s.io/api core/v1 types.go, `PodSpec` and `Container`. */
export const podSchema = schema({
  spec: {
    fields: {
      containers: {
        list: { keys: ['name'] },
        items: {
          fields: {
            env: { list: { keys: ['name'] } },
            ports: { list: { keys: ['containerPort', 'protocol'], defaults: { protocol: 'TCP' } } },
          },
        },
      },
      volumes: { list: { keys: ['name'] } },
    },
  },
  status: { fields: { conditions } },
});
