import { strict as assert } from 'node:assert';

import * as fc from 'fast-check';

import { parseAuthorizationPolicy } from '../../../src/allowlist/authorization-policy.js';
import { decide } from '../../../src/allowlist/decide.js';
import { enforcePolicies } from '../../../src/allowlist/enforce-policies.js';
import type { EnforcedPolicies } from '../../../src/allowlist/enforce-policies.js';
import { parseAllowlist } from '../../../src/allowlist/parse-allowlist.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { verdict } from './istio-model.js';
import type { Connection, ModelPolicy } from './istio-model.js';

const scope = {
  namespace: 'a',
  rootNamespace: 'istio-system',
  labels: { app: 'echo' },
  objects: [],
  trustDomains: ['td.one', 'old.two'],
  listen: { address: '192.0.2.1', port: 9000 },
};

const namespaces = ['a', 'ab', 'b', 'ns', 'sa', 'istio-system'];
const accounts = ['x', 'xy', 'y', 'sa'];
const trustDomains = ['td.one', 'old.two', 'other', 'cluster.local'];

/** Every caller there is in these tests. */
const istioCallers = trustDomains.flatMap((domain) =>
  namespaces.flatMap((namespace) =>
    accounts.map((account) => `spiffe://${domain}/ns/${namespace}/sa/${account}`),
  ),
);
const otherCallers = [
  'foo',
  'ns/a',
  'ns/a/x',
  'ns/a/sa/x/more',
  'ns/a/b/sa/x',
  'ns/a/ns/b/x',
  'sa/x',
].flatMap((path) => ['td.one', 'other'].map((domain) => `spiffe://${domain}/${path}`));

const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { minLength: 1, maxLength: 2 });

const anyCaller = oneOf(...istioCallers, ...otherCallers).map((caller) => caller.slice('spiffe://'.length));
const principal = fc.oneof(
  anyCaller,
  fc.tuple(anyCaller, fc.nat(40)).map(([caller, length]) => `${caller.slice(0, length)}*`),
  fc
    .tuple(anyCaller, fc.nat(40))
    .map(([caller, length]) => `*${caller.slice(caller.length - Math.min(length, caller.length))}`),
  fc
    .tuple(
      oneOf('*', 'td.*', '*one', ...trustDomains),
      oneOf(...namespaces),
      oneOf('*', 'x*', '*y', ...accounts),
    )
    .map(([domain, namespace, account]) => `${domain}/ns/${namespace}/sa/${account}`),
  oneOf('*', 'spiffe://td.one/ns/a/sa/x', 'a*b', '*x*', 'td.one/ns/a/*', 'td.one/*'),
);
const namespace = oneOf(...namespaces, '*', 'a*', '*b', '*a', 'i*m');
const serviceAccount = fc.oneof(
  oneOf(...accounts),
  fc.tuple(oneOf(...namespaces), oneOf(...accounts)).map((parts) => parts.join('/')),
);
const port = oneOf('9000', '80', '8080');

const source = fc
  .record(
    {
      principals: some(principal),
      notPrincipals: some(principal),
      namespaces: some(namespace),
      notNamespaces: some(namespace),
      serviceAccounts: some(serviceAccount),
      notServiceAccounts: some(serviceAccount),
    },
    { requiredKeys: [] },
  )
  .filter((given) => Object.keys(given).length > 0);
const rarely = <T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: usual, weight: 8 }, { arbitrary: rare, weight: 1 });
type Fields = Readonly<Record<string, readonly string[]>>;
const anySource: fc.Arbitrary<Fields> = rarely<Fields>(
  source,
  oneOf<Fields>(
    { ipBlocks: ['192.0.2.7'] },
    { principals: ['*'], notIpBlocks: ['192.0.2.7'] },
    { requestPrincipals: ['*'] },
  ),
);
const operation: fc.Arbitrary<Fields> = rarely<Fields>(
  fc.oneof(
    some(port).map((ports) => ({ ports })),
    some(port).map((notPorts) => ({ notPorts })),
  ),
  oneOf<Fields>({ methods: ['GET'] }, { ports: ['9000'], notPaths: ['/admin'] }, { hosts: ['*'] }),
);
const condition = rarely(
  fc.oneof(
    fc.record({ key: oneOf('source.principal'), values: some(principal) }),
    fc.record({ key: oneOf('source.namespace'), notValues: some(namespace) }),
    fc.record({ key: oneOf('destination.port'), values: some(port) }),
    fc.record({ key: oneOf('destination.ip'), values: some(oneOf('192.0.2.1', '192.0.2.2')) }),
  ),
  oneOf<{ key: string; values: string[] }>(
    { key: 'connection.sni', values: ['name'] },
    { key: 'request.headers[x]', values: ['y'] },
    { key: 'source.ip', values: ['192.0.2.7'] },
  ) as fc.Arbitrary<never>,
);
const few = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 2 });
const rule = fc.record(
  {
    from: few(anySource.map((given) => ({ source: given }))),
    to: fc.array(
      operation.map((given) => ({ operation: given })),
      { maxLength: 1 },
    ),
    when: fc.array(condition, { maxLength: 1 }),
  },
  { requiredKeys: [] },
);
const policy: fc.Arbitrary<ModelPolicy> = fc.record({
  namespace: rarely(oneOf('a'), oneOf('istio-system', 'b')),
  dryRun: rarely(fc.constant(false), fc.constant(true)),
  spec: fc.record(
    {
      action: rarely(oneOf('ALLOW', 'DENY'), oneOf('AUDIT', 'CUSTOM')),
      selector: rarely(
        fc.constant({ matchLabels: {} }),
        oneOf({ matchLabels: { app: 'echo' } }, { matchLabels: { app: 'other' } }),
      ),
      rules: few(rule),
    },
    { requiredKeys: [] },
  ),
});
const lines = fc
  .array(
    oneOf(
      ...istioCallers,
      ...otherCallers,
      'spiffe://td.one/ns/*',
      'spiffe://td.one/ns/a/sa/*',
      'spiffe://old.two/ns/b/sa/*',
    ),
    { maxLength: 3 },
  )
  .map((all) => [...new Set(all)].join('\n'));
const configMap = fc.record({ allow: lines, deny: lines });

function enforce(policies: readonly ModelPolicy[], data: Readonly<Record<string, string>>): EnforcedPolicies {
  const { allowlist } = parseAllowlist({ namespace: 'a', name: 'callers', data });
  const objects = policies.map(({ namespace: place, dryRun, spec }, index): KubeObject => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: {
      name: `p${index}`,
      namespace: place,
      annotations: dryRun ? { 'istio.io/dry-run': 'true' } : {},
    },
    spec,
  }));
  return enforcePolicies(allowlist, objects.map(parseAuthorizationPolicy), scope);
}

/** By the records on a device. */
function isAdmitted({ allowlist }: EnforcedPolicies, caller: string): boolean {
  const id = parseSpiffeId(caller);
  assert.ok(id.ok);
  return decide(allowlist, scope.trustDomains, id.value).decision === 'allow';
}

function shouldBeAdmitted(
  policies: readonly ModelPolicy[],
  data: Readonly<Record<'allow' | 'deny', string>>,
  connection: Connection,
): boolean {
  const id = parseSpiffeId(connection.caller);
  assert.ok(id.ok);
  if (!scope.trustDomains.includes(id.value.trustDomain)) return false;
  const listed = parseAllowlist({ namespace: 'a', name: 'callers', data }).allowlist;
  const said = decide(listed, scope.trustDomains, id.value).reason;
  const ruled = verdict(policies, scope, connection);
  return said !== 'denied' && ruled !== 'denied' && (said === 'allowed' || ruled === 'allowed');
}

const circumstances = fc.record({ sourceIp: oneOf('192.0.2.7', '192.0.2.8'), sni: oneOf('name', 'other') });
const connectionOf = (
  caller: string,
  given: { readonly sourceIp: string; readonly sni: string },
): Connection => ({
  caller,
  ...scope.listen,
  ...given,
});

describe('AuthorizationPolicies, against a model of what Istio makes of them', function () {
  this.timeout(20_000);
  const policies = fc.array(policy, { maxLength: 4 });

  it('admit nobody whom Istio would not', () => {
    fc.assert(
      fc.property(policies, configMap, circumstances, (given, data, around) => {
        const enforced = enforce(given, data);
        for (const caller of [...istioCallers, ...otherCallers]) {
          if (!isAdmitted(enforced, caller)) continue;
          assert.ok(shouldBeAdmitted(given, data, connectionOf(caller, around)), caller);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('admit whom Istio admits, unless something is said to be set aside', () => {
    let exact = 0;
    fc.assert(
      fc.property(policies, configMap, circumstances, (given, data, around) => {
        const enforced = enforce(given, data);
        if (enforced.refusals.some(({ isRedundant }) => isRedundant !== true)) return;
        exact += 1;
        for (const caller of istioCallers) {
          const expected = shouldBeAdmitted(given, data, connectionOf(caller, around));
          assert.equal(isAdmitted(enforced, caller), expected, caller);
        }
      }),
      { numRuns: 400 },
    );
    assert.ok(exact > 60, `only ${exact} of the generated policies can be put into records`);
  });

  it('can be anything at all: nothing is thrown, and nothing that is unreadable admits anybody', () => {
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.record({ action: fc.constantFrom('ALLOW', 'DENY', 'CUSTOM'), rules: fc.array(fc.jsonValue()) }),
      fc.record({ rules: fc.array(fc.record({ from: fc.array(fc.jsonValue()), when: fc.jsonValue() })) }),
    );
    fc.assert(
      fc.property(anything, (spec) => {
        const object = {
          apiVersion: 'security.istio.io/v1',
          kind: 'AuthorizationPolicy',
          metadata: { name: 'p', namespace: 'a' },
          spec,
        };
        const { allowlist } = enforcePolicies(
          { allow: [], deny: [], mode: 'enforce' },
          [parseAuthorizationPolicy(object)],
          scope,
        );
        // A rule with nothing in it, or with nothing but empty lists, is the one that says everybody.
        const { rules } = (spec ?? {}) as { rules?: unknown };
        const isEmpty = (rule: unknown): boolean =>
          typeof rule === 'object' &&
          rule !== null &&
          !Array.isArray(rule) &&
          Object.values(rule).every((list) => list === null || (Array.isArray(list) && list.length === 0));
        if (!Array.isArray(rules) || !rules.some(isEmpty)) assert.deepEqual(allowlist.allow, []);
      }),
      { numRuns: 500 },
    );
  });

  it('are matched without trying all the ways in which a pattern could fit', () => {
    const spec = {
      rules: [
        {
          from: [
            {
              source: {
                // As an expression of many `.*`, this one would take for ever.
                namespaces: [`${'*a'.repeat(40)}*c`],
                principals: [`td.one/ns/${'a'.repeat(1000)}b/sa/x`],
              },
            },
          ],
        },
      ],
    };
    const enforced = enforce([{ namespace: 'a', dryRun: false, spec }], {});
    assert.deepEqual([enforced.allowlist.allow, enforced.refusals], [[], []]);
  });
});
