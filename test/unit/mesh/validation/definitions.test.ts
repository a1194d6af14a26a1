import { strict as assert } from 'node:assert';
import { join } from 'node:path';

import { CelEvaluator } from '../../../../src/mesh/validation/cel-evaluator.js';
import { destinationRuleSchema } from '../../../../src/mesh/validation/schemas/destination-rule-schema.js';
import { gatewaySchema } from '../../../../src/mesh/validation/schemas/gateway-schema.js';
import {
  authorizationPolicySchema,
  peerAuthenticationSchema,
} from '../../../../src/mesh/validation/schemas/security-schemas.js';
import { telemetrySchema } from '../../../../src/mesh/validation/schemas/telemetry-schema.js';
import { virtualServiceSchema } from '../../../../src/mesh/validation/schemas/virtual-service-schema.js';
import {
  serviceEntrySchema,
  workloadEntrySchema,
  workloadGroupSchema,
} from '../../../../src/mesh/validation/schemas/workload-schemas.js';
import type { StructuralSchema } from '../../../../src/mesh/validation/structural-schema.js';
import { sharedData } from '../../../support/shared-data.js';
import { skipBecause } from '../../../support/skip.js';
import { readSchemas } from './published-definitions.js';

/** Each statement of a schema about structure, with the path of what it is about. */
function statements(schema: StructuralSchema, path: string): string[] {
  const own = Object.entries(schema).flatMap(([key, value]) => {
    const isChild = ['properties', 'items', 'additionalProperties'].includes(key);
    const saysNothing =
      (key === 'required' && (value as string[]).length === 0) || value === Infinity || value === 'double';
    if (isChild || saysNothing || key === 'x-kubernetes-validations') return [];
    const said: unknown = key === 'required' || key === 'enum' ? [...(value as string[])].toSorted() : value;
    return [`${path} ${key} ${JSON.stringify(said)}`];
  });
  const { properties = {}, items, additionalProperties } = schema;
  return [
    ...own,
    ...Object.entries(properties).flatMap(([name, child]) => statements(child, `${path}.${name}`)),
    ...(items === undefined ? [] : statements(items, `${path}[]`)),
    ...(typeof additionalProperties === 'object' ? statements(additionalProperties, `${path}.*`) : []),
  ].toSorted();
}

function rulesOf(schema: StructuralSchema): string[] {
  const { properties = {}, items, additionalProperties } = schema;
  return [
    ...(schema['x-kubernetes-validations'] ?? []).map(({ rule }) => rule),
    ...Object.values(properties).flatMap(rulesOf),
    ...(items === undefined ? [] : rulesOf(items)),
    ...(typeof additionalProperties === 'object' ? rulesOf(additionalProperties) : []),
  ];
}

describe("Istio's published definitions", () => {
  const folder = sharedData('istio');
  if (folder === undefined) {
    it('say what the built-in schemas say', function () {
      skipBecause(this, "Istio's definitions are not beside the checkout");
    });
    return;
  }
  const served = readSchemas(join(folder, 'crds'));

  for (const [type, builtIn] of [
    ['networking.istio.io/v1 ServiceEntry', serviceEntrySchema],
    ['networking.istio.io/v1 WorkloadEntry', workloadEntrySchema],
    ['networking.istio.io/v1 WorkloadGroup', workloadGroupSchema],
    ['networking.istio.io/v1 DestinationRule', destinationRuleSchema],
    ['networking.istio.io/v1 Gateway', gatewaySchema],
    ['networking.istio.io/v1 VirtualService', virtualServiceSchema],
    ['telemetry.istio.io/v1 Telemetry', telemetrySchema],
    ['security.istio.io/v1 PeerAuthentication', peerAuthenticationSchema],
    ['security.istio.io/v1 AuthorizationPolicy', authorizationPolicySchema],
  ] as const) {
    it(`say of a ${type} what the built-in schema says`, () => {
      const published = served.get(type);
      assert.ok(published);
      const spec = (schema: StructuralSchema): string[] => [
        `required ${JSON.stringify(schema.required ?? [])}`,
        ...statements(schema.properties?.['spec'] ?? {}, 'spec'),
      ];
      const [ours, theirs] = [spec(builtIn), spec(published)];
      assert.deepEqual(
        {
          onlyOurs: ours.filter((said) => !theirs.includes(said)),
          onlyTheirs: theirs.filter((said) => !ours.includes(said)),
        },
        { onlyOurs: [], onlyTheirs: [] },
      );
    });
  }

  it('have no rule in CEL that cannot be evaluated', () => {
    const cel = new CelEvaluator();
    const rules = [...new Set([...served.values()].flatMap(rulesOf))];
    const unknown = rules.filter((rule) => typeof cel.evaluate(rule, {}, {}) !== 'string');
    assert.ok(rules.length > 20, String(rules.length));
    assert.deepEqual(unknown, []);
  });
});
