import type { StructuralSchema } from '../structural-schema.js';
import {
  atMostOne,
  definitionOf,
  fieldsOf,
  listOf,
  mapOf,
  oneOfTexts,
  selectorSchema,
  targetSchema,
  text,
  texts,
  textUpTo,
} from './schema-parts.js';

const mutualTls = fieldsOf({ mode: oneOfTexts('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT') });

/** Source: the definitions of Istio 1.30. */
export const peerAuthenticationSchema = definitionOf(
  fieldsOf({
    selector: selectorSchema,
    mtls: mutualTls,
    portLevelMtls: { ...mapOf(mutualTls), minProperties: 1 },
  }),
);

/** A field and its negation, in two lists. */
function withNegations(schema: StructuralSchema, ...names: string[]): Record<string, StructuralSchema> {
  const negated = names.map((name) => `not${name.slice(0, 1).toUpperCase()}${name.slice(1)}`);
  return Object.fromEntries([...names, ...negated].map((name) => [name, schema]));
}

const source = fieldsOf({
  ...withNegations(
    texts,
    'principals',
    'requestPrincipals',
    'namespaces',
    'ipBlocks',
    'remoteIpBlocks',
    'trustDomains',
  ),
  ...withNegations(listOf(textUpTo(320), 16), 'serviceAccounts'),
});

export const authorizationPolicySchema = definitionOf({
  ...fieldsOf({
    selector: selectorSchema,
    targetRef: targetSchema,
    targetRefs: listOf(targetSchema, 16),
    action: oneOfTexts('ALLOW', 'DENY', 'AUDIT', 'CUSTOM'),
    provider: fieldsOf({ name: text }),
    rules: listOf(
      fieldsOf({
        from: listOf(fieldsOf({ source }), 512),
        to: listOf(
          fieldsOf({ operation: fieldsOf(withNegations(texts, 'hosts', 'ports', 'methods', 'paths')) }),
        ),
        when: listOf(fieldsOf({ key: text, values: texts, notValues: texts }, 'key')),
      }),
      512,
    ),
  }),
  ...atMostOne('provider'),
});
