import {
  atMostOne,
  definitionOf,
  fieldsOf,
  flag,
  int32,
  listOf,
  mapOf,
  nullableFlag,
  nullableUint32,
  oneOfTexts,
  percent,
  selectorSchema,
  text,
  texts,
  uint32,
} from './schema-parts.js';
import type { StructuralSchema } from '../structural-schema.js';

const tls = fieldsOf({
  mode: oneOfTexts('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
  clientCertificate: text,
  privateKey: text,
  caCertificates: text,
  caCrl: text,
  credentialName: text,
  subjectAltNames: texts,
  sni: text,
  insecureSkipVerify: nullableFlag,
});

const connectionPool = fieldsOf({
  tcp: fieldsOf({
    maxConnections: int32,
    connectTimeout: text,
    idleTimeout: text,
    maxConnectionDuration: text,
    tcpKeepalive: fieldsOf({ probes: uint32, time: text, interval: text }),
  }),
  http: fieldsOf({
    http1MaxPendingRequests: int32,
    http2MaxRequests: int32,
    maxRequestsPerConnection: int32,
    maxRetries: int32,
    maxConcurrentStreams: int32,
    idleTimeout: text,
    h2UpgradePolicy: oneOfTexts('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: flag,
  }),
});

const atLeastZero: StructuralSchema = { type: 'integer', minimum: 0 };

const consistentHash: StructuralSchema = {
  ...fieldsOf({
    httpHeaderName: text,
    httpCookie: fieldsOf(
      {
        name: text,
        path: text,
        ttl: text,
        attributes: listOf(fieldsOf({ name: text, value: text }, 'name')),
      },
      'name',
    ),
    useSourceIp: flag,
    httpQueryParameterName: text,
    minimumRingSize: atLeastZero,
    ringHash: fieldsOf({ minimumRingSize: atLeastZero }),
    maglev: fieldsOf({ tableSize: atLeastZero }),
  }),
  allOf: [
    atMostOne('httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'),
    atMostOne('ringHash', 'maglev'),
  ],
};

const loadBalancer: StructuralSchema = {
  ...fieldsOf({
    simple: oneOfTexts('UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'),
    consistentHash,
    localityLbSetting: fieldsOf({
      enabled: nullableFlag,
      distribute: listOf(fieldsOf({ from: text, to: mapOf(uint32) })),
      failover: listOf(fieldsOf({ from: text, to: text })),
      failoverPriority: texts,
    }),
    warmupDurationSecs: text,
    warmup: fieldsOf(
      {
        duration: text,
        minimumPercent: percent,
        aggression: { type: 'number', minimum: 0, nullable: true },
      },
      'duration',
    ),
  }),
  ...atMostOne('simple', 'consistentHash'),
};

const outlierDetection = fieldsOf({
  splitExternalLocalOriginErrors: flag,
  consecutiveErrors: int32,
  consecutiveLocalOriginFailures: nullableUint32,
  consecutiveGatewayErrors: nullableUint32,
  consecutive5xxErrors: nullableUint32,
  interval: text,
  baseEjectionTime: text,
  maxEjectionPercent: int32,
  minHealthPercent: int32,
});

const settings = { connectionPool, loadBalancer, outlierDetection, tls };

const trafficPolicy = fieldsOf({
  ...settings,
  portLevelSettings: listOf(fieldsOf({ ...settings, port: fieldsOf({ number: uint32 }) }), 4096),
  tunnel: fieldsOf({ protocol: text, targetHost: text, targetPort: uint32 }, 'targetHost', 'targetPort'),
  proxyProtocol: fieldsOf({ version: oneOfTexts('V1', 'V2') }),
  retryBudget: fieldsOf({ percent, minRetryConcurrency: uint32 }),
});

/** Source: the definition of Istio 1.30. */
export const destinationRuleSchema = definitionOf(
  fieldsOf(
    {
      host: text,
      trafficPolicy,
      subsets: listOf(fieldsOf({ name: text, labels: mapOf(text), trafficPolicy }, 'name')),
      exportTo: texts,
      workloadSelector: selectorSchema,
    },
    'host',
  ),
);
