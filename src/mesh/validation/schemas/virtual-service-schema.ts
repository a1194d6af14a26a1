import type { StructuralSchema } from '../structural-schema.js';
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
  text,
  texts,
  uint32,
} from './schema-parts.js';

const destination = fieldsOf({ host: text, subset: text, port: fieldsOf({ number: uint32 }) }, 'host');
const percentage = fieldsOf({ value: { type: 'number' } });

const textMatch: StructuralSchema = {
  ...fieldsOf({ exact: text, prefix: text, regex: text }),
  ...atMostOne('exact', 'prefix', 'regex'),
};

const headerChanges = fieldsOf({ add: mapOf(text), set: mapOf(text), remove: texts });
const headers = fieldsOf({ request: headerChanges, response: headerChanges });

const httpMatch = fieldsOf({
  name: text,
  uri: textMatch,
  scheme: textMatch,
  method: textMatch,
  authority: textMatch,
  headers: mapOf(textMatch),
  withoutHeaders: mapOf(textMatch),
  queryParams: mapOf(textMatch),
  port: uint32,
  sourceLabels: mapOf(text),
  sourceNamespace: text,
  gateways: texts,
  ignoreUriCase: flag,
  statPrefix: text,
});

const fault = fieldsOf({
  abort: {
    ...fieldsOf({ httpStatus: int32, grpcStatus: text, http2Error: text, percentage }),
    ...atMostOne('httpStatus', 'grpcStatus', 'http2Error'),
  },
  delay: {
    ...fieldsOf({ fixedDelay: text, exponentialDelay: text, percent: int32, percentage }),
    ...atMostOne('fixedDelay', 'exponentialDelay'),
  },
});

const http = fieldsOf({
  name: text,
  match: listOf(httpMatch),
  route: listOf(fieldsOf({ destination, headers, weight: int32 }, 'destination')),
  redirect: {
    ...fieldsOf({
      uri: text,
      authority: text,
      scheme: text,
      port: uint32,
      derivePort: oneOfTexts('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
      redirectCode: uint32,
    }),
    ...atMostOne('port', 'derivePort'),
  },
  directResponse: fieldsOf(
    {
      status: uint32,
      body: {
        ...fieldsOf({ string: text, bytes: { type: 'string', format: 'byte' } }),
        ...atMostOne('string', 'bytes'),
      },
    },
    'status',
  ),
  delegate: fieldsOf({ name: text, namespace: text }),
  rewrite: fieldsOf({
    uri: text,
    authority: text,
    uriRegexRewrite: fieldsOf({ match: text, rewrite: text }),
  }),
  timeout: text,
  retries: fieldsOf({
    attempts: int32,
    backoff: text,
    perTryTimeout: text,
    retryOn: text,
    retryIgnorePreviousHosts: nullableFlag,
    retryRemoteLocalities: nullableFlag,
  }),
  fault,
  mirror: destination,
  mirrors: listOf(fieldsOf({ destination, percentage }, 'destination')),
  mirrorPercent: nullableUint32,
  mirror_percent: nullableUint32,
  mirrorPercentage: percentage,
  corsPolicy: fieldsOf({
    allowOrigin: texts,
    allowOrigins: listOf(textMatch),
    allowMethods: texts,
    allowHeaders: texts,
    exposeHeaders: texts,
    maxAge: text,
    allowCredentials: nullableFlag,
    unmatchedPreflights: oneOfTexts('UNSPECIFIED', 'FORWARD', 'IGNORE'),
  }),
  headers,
});

const connectionMatch = {
  destinationSubnets: texts,
  port: uint32,
  sourceLabels: mapOf(text),
  gateways: texts,
  sourceNamespace: text,
};
const routes = listOf(fieldsOf({ destination, weight: int32 }, 'destination'));

/** Source: the definition of Istio 1.30. */
export const virtualServiceSchema = definitionOf(
  fieldsOf({
    hosts: texts,
    gateways: texts,
    http: listOf(http),
    tls: listOf(
      fieldsOf(
        { match: listOf(fieldsOf({ ...connectionMatch, sniHosts: texts }, 'sniHosts')), route: routes },
        'match',
      ),
    ),
    tcp: listOf(
      fieldsOf({ match: listOf(fieldsOf({ ...connectionMatch, sourceSubnet: text })), route: routes }),
    ),
    exportTo: texts,
  }),
);
