import type { StructuralSchema } from '../structural-schema.js';
import {
  atMostOne,
  definitionOf,
  fieldsOf,
  listOf,
  mapOf,
  nullableFlag,
  oneOfTexts,
  percent,
  selectorSchema,
  targetSchema,
  text,
} from './schema-parts.js';

const name: StructuralSchema = { type: 'string', minLength: 1 };
const providers = listOf(fieldsOf({ name }, 'name'));
const mode = oneOfTexts('CLIENT_AND_SERVER', 'CLIENT', 'SERVER');

const metric = oneOfTexts(
  'ALL_METRICS',
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'REQUEST_SIZE',
  'RESPONSE_SIZE',
  'TCP_OPENED_CONNECTIONS',
  'TCP_CLOSED_CONNECTIONS',
  'TCP_SENT_BYTES',
  'TCP_RECEIVED_BYTES',
  'GRPC_REQUEST_MESSAGES',
  'GRPC_RESPONSE_MESSAGES',
);

const customTag: StructuralSchema = {
  ...fieldsOf({
    literal: fieldsOf({ value: name }, 'value'),
    environment: fieldsOf({ name, defaultValue: text }, 'name'),
    header: fieldsOf({ name, defaultValue: text }, 'name'),
    formatter: fieldsOf({ value: name }, 'value'),
  }),
  ...atMostOne('literal', 'environment', 'header', 'formatter'),
};

/** Source: the definition of Istio 1.30. */
export const telemetrySchema = definitionOf(
  fieldsOf({
    selector: selectorSchema,
    targetRef: targetSchema,
    targetRefs: listOf(targetSchema, 16),
    accessLogging: listOf(
      fieldsOf({
        providers,
        disabled: nullableFlag,
        filter: fieldsOf({ expression: text }),
        match: fieldsOf({ mode }),
      }),
    ),
    metrics: listOf(
      fieldsOf({
        providers,
        reportingInterval: text,
        overrides: listOf(
          fieldsOf({
            disabled: nullableFlag,
            match: {
              ...fieldsOf({ metric, customMetric: name, mode }),
              ...atMostOne('metric', 'customMetric'),
            },
            tagOverrides: mapOf(fieldsOf({ operation: oneOfTexts('UPSERT', 'REMOVE'), value: text })),
          }),
        ),
      }),
    ),
    tracing: listOf(
      fieldsOf({
        providers,
        match: fieldsOf({ mode }),
        customTags: mapOf(customTag),
        disableContextPropagation: nullableFlag,
        disableSpanReporting: nullableFlag,
        enableIstioTags: nullableFlag,
        randomSamplingPercentage: percent,
        useRequestIdForTraceSampling: nullableFlag,
      }),
    ),
  }),
);
