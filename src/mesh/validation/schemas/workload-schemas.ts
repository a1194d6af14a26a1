import {
  definitionOf,
  fieldsOf,
  int32,
  listOf,
  mapOf,
  oneOfTexts,
  atMostOne,
  text,
  texts,
  textUpTo,
  uint32,
} from './schema-parts.js';
import type { StructuralSchema } from '../structural-schema.js';

/** The address of a workload, in a WorkloadEntry, in a ServiceEntry's endpoints and in a WorkloadGroup's template. */
const workload = fieldsOf({
  address: textUpTo(256),
  ports: mapOf(uint32, 128),
  labels: mapOf(text, 256),
  network: textUpTo(2048),
  locality: textUpTo(2048),
  weight: uint32,
  serviceAccount: textUpTo(253),
});

/** Source: the definitions of Istio 1.30; all served versions have the same schema. */
export const workloadEntrySchema = definitionOf(workload, 'spec');

const atLeastZero: StructuralSchema = { ...int32, minimum: 0 };

export const workloadGroupSchema = definitionOf(
  fieldsOf(
    {
      metadata: fieldsOf({ labels: mapOf(text, 256), annotations: mapOf(text, 256) }),
      template: workload,
      probe: {
        ...fieldsOf({
          initialDelaySeconds: atLeastZero,
          timeoutSeconds: atLeastZero,
          periodSeconds: atLeastZero,
          successThreshold: atLeastZero,
          failureThreshold: atLeastZero,
          httpGet: fieldsOf(
            {
              path: text,
              port: uint32,
              host: text,
              scheme: text,
              httpHeaders: listOf(
                fieldsOf({ name: { type: 'string', pattern: '^[-_A-Za-z0-9]+$' }, value: text }),
              ),
            },
            'port',
          ),
          tcpSocket: fieldsOf({ host: text, port: uint32 }, 'port'),
          exec: fieldsOf({ command: listOf({ type: 'string', minLength: 1 }) }, 'command'),
          grpc: fieldsOf({ port: uint32, service: text }),
        }),
        ...atMostOne('httpGet', 'tcpSocket', 'exec', 'grpc'),
      },
    },
    'template',
  ),
  'spec',
);

export const serviceEntrySchema = definitionOf(
  fieldsOf(
    {
      hosts: { ...listOf(text, 256), minItems: 1 },
      addresses: listOf(textUpTo(64), 256),
      ports: {
        ...listOf(
          fieldsOf(
            { number: uint32, name: textUpTo(256), protocol: textUpTo(256), targetPort: uint32 },
            'number',
            'name',
          ),
          256,
        ),
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
      location: oneOfTexts('MESH_EXTERNAL', 'MESH_INTERNAL'),
      resolution: oneOfTexts('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
      endpoints: listOf(workload, 4096),
      workloadSelector: fieldsOf({ labels: mapOf(textUpTo(63), 256) }),
      exportTo: texts,
      subjectAltNames: texts,
    },
    'hosts',
  ),
  'spec',
);
