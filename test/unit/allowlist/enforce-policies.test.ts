import { strict as assert } from 'node:assert';

import type { Allowlist } from '../../../src/allowlist/allowlist.js';
import { parseAuthorizationPolicy } from '../../../src/allowlist/authorization-policy.js';
import { enforcePolicies } from '../../../src/allowlist/enforce-policies.js';
import type { EnforcedPolicies } from '../../../src/allowlist/enforce-policies.js';
import { parseAllowlist } from '../../../src/allowlist/parse-allowlist.js';
import { renderPlace } from '../../../src/allowlist/render-place.js';
import type { KubeObject } from '../../../src/kube/object.js';

const scope = {
  namespace: 'default',
  rootNamespace: 'istio-system',
  labels: { app: 'echo', tier: 'edge' },
  objects: [
    { group: '', kind: 'Service', name: 'bigip' },
    { group: 'networking.istio.io', kind: 'ServiceEntry', name: 'bigip' },
  ],
  trustDomains: ['cluster.local'],
  listen: { address: '192.0.2.1', port: 9000 },
};
const nobody: Allowlist = { allow: [], deny: [], mode: 'enforce' };

interface Metadata {
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

function policy(spec: unknown, metadata: Metadata = {}): KubeObject {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'callers', namespace: 'default', ...metadata },
    ...(spec === undefined ? {} : { spec }),
  };
}

function enforce(
  objects: readonly KubeObject[],
  given: Partial<typeof scope> = {},
  configMaps = nobody,
): EnforcedPolicies {
  return enforcePolicies(configMaps, objects.map(parseAuthorizationPolicy), { ...scope, ...given });
}

function allowed(enforced: EnforcedPolicies): readonly string[] {
  return enforced.allowlist.allow.map(({ text }) => text.replace('spiffe://', ''));
}

function denied(enforced: EnforcedPolicies): readonly string[] {
  return enforced.allowlist.deny.map(({ text }) => text.replace('spiffe://', ''));
}

const from = (source: object) => ({ from: [{ source }] });
const everybody = { principals: ['*'] };
const sleep = 'cluster.local/ns/trusted/sa/sleep';

describe('an AuthorizationPolicy of ALLOW', () => {
  const cases: ReadonlyArray<[name: string, source: object, expected: readonly string[]]> = [
    ['an exact principal', { principals: [sleep] }, [sleep]],
    [
      'a principal of a whole namespace',
      { principals: ['cluster.local/ns/trusted/sa/*'] },
      ['cluster.local/ns/trusted/sa/*'],
    ],
    [
      'a prefix that ends at a namespace',
      { principals: ['cluster.local/ns/trusted/*'] },
      ['cluster.local/ns/trusted/sa/*'],
    ],
    ['a suffix that names the account in full', { principals: ['*/ns/trusted/sa/sleep'] }, [sleep]],
    ['any principal', everybody, ['cluster.local/ns/*']],
    ['namespaces', { namespaces: ['a', 'b'] }, ['cluster.local/ns/a/sa/*', 'cluster.local/ns/b/sa/*']],
    ['any namespace', { namespaces: ['*'] }, ['cluster.local/ns/*']],
    [
      'service accounts',
      { serviceAccounts: ['x', 'trusted/sleep'] },
      ['cluster.local/ns/default/sa/x', sleep],
    ],
    ['the trust domain', { trustDomains: ['cluster.local'] }, ['cluster.local/ns/*']],
    ['a principal within namespaces', { principals: ['*/sa/sleep'], namespaces: ['trusted'] }, [sleep]],
    ['principals that namespaces contradict', { principals: [sleep], namespaces: ['other'] }, []],
    ['another trust domain', { principals: ['other.org/ns/trusted/sa/sleep'] }, []],
    [
      'an ID of another form than Istio has',
      { principals: ['cluster.local/vm/one'] },
      ['cluster.local/vm/one'],
    ],
    ['a principal with its scheme, which Istio has none match', { principals: [`spiffe://${sleep}`] }, []],
    ['exact principals without one', { principals: [sleep], notPrincipals: [sleep] }, []],
  ];
  for (const [name, source, expected] of cases) {
    it(`admits by ${name} whom Istio would`, () => {
      const enforced = enforce([policy({ rules: [from(source)] })]);
      assert.deepEqual([...allowed(enforced)].toSorted(), [...expected].toSorted());
      assert.deepEqual(enforced.refusals, []);
    });
  }

  for (const [name, source] of [
    ['an unfinished service account', { principals: ['cluster.local/ns/trusted/sa/sl*'] }],
    ['an unfinished namespace', { namespaces: ['tru*'] }],
    ['an account in any namespace', { principals: ['*/sa/sleep'] }],
    ['source addresses', { ipBlocks: ['10.0.0.0/8'] }],
    ['original addresses', { remoteIpBlocks: ['10.0.0.0/8'] }],
    ['principals and addresses', { principals: [sleep], notIpBlocks: ['10.0.0.0/8'] }],
    ['a request principal', { requestPrincipals: ['*'] }],
    ['no field at all', {}],
    ['a field that nobody knows', { principals: [sleep], shoeSize: ['43'] }],
    ['a principal that is no text', { principals: [43] }],
    ['an empty principal', { principals: [''] }],
  ] as const) {
    it(`admits nobody by ${name}, and says so`, () => {
      const enforced = enforce([policy({ rules: [from(source)] })]);
      assert.deepEqual(allowed(enforced), []);
      assert.match(
        enforced.refusals.map(renderPlace).join(),
        /^AuthorizationPolicy default\/callers, rules\[0\]/,
      );
    });
  }

  it('admits by the sources that can be enforced, beside one that cannot', () => {
    const rule = { from: [{ source: { principals: [sleep] } }, { source: { ipBlocks: ['10.0.0.1'] } }] };
    const enforced = enforce([policy({ rules: [rule] })]);
    assert.deepEqual(allowed(enforced), [sleep]);
    assert.deepEqual(
      enforced.refusals.map(({ path }) => path),
      ['rules[0].from[1].source.ipBlocks'],
    );
  });

  it('admits nobody by a rule that has an attribute of HTTP anywhere, as in Istio', () => {
    const rule = { from: [{ source: { principals: [sleep] } }, { source: { requestPrincipals: ['*'] } }] };
    const enforced = enforce([policy({ rules: [rule] })]);
    assert.deepEqual(allowed(enforced), []);
    assert.equal(enforced.refusals[0]?.isRedundant, true);
  });

  for (const [name, rule, isHere] of [
    ['its port', { to: [{ operation: { ports: ['80', '9000'] } }] }, true],
    ['another port', { to: [{ operation: { ports: ['80'] } }] }, false],
    ['every port but its own', { to: [{ operation: { notPorts: ['9000'] } }] }, false],
    ['every port but another', { to: [{ operation: { notPorts: ['80'] } }] }, true],
    ['a port that is none', { to: [{ operation: { ports: ['9000', 'http'] } }] }, false],
    [
      'another port, then its own',
      { to: [{ operation: { ports: ['80'] } }, { operation: { ports: ['9000'] } }] },
      true,
    ],
    ['destination.port', { when: [{ key: 'destination.port', values: ['9000'] }] }, true],
    ['another destination.port', { when: [{ key: 'destination.port', notValues: ['9000'] }] }, false],
    ['destination.ip', { when: [{ key: 'destination.ip', values: ['192.0.2.0/24'] }] }, true],
    ['another destination.ip', { when: [{ key: 'destination.ip', values: ['192.0.3.0/24'] }] }, false],
    ['a destination.ip that is none', { when: [{ key: 'destination.ip', values: ['192.0.2.0/33'] }] }, false],
    ['source.namespace', { when: [{ key: 'source.namespace', values: ['trusted'] }] }, true],
    ['a server name', { when: [{ key: 'connection.sni', values: ['*'] }] }, false],
    ['a header', { when: [{ key: 'request.headers[x]', values: ['y'] }] }, false],
    ['a condition without values', { when: [{ key: 'source.namespace' }] }, false],
    ['a condition that nobody knows', { when: [{ key: 'moon.phase', values: ['full'] }] }, false],
    ['methods', { to: [{ operation: { methods: ['GET'] } }] }, false],
    ['conditions that are no list', { when: 'never' }, false],
    ['operations that are no list', { to: { operation: {} } }, false],
    ['a part that nobody knows', { unless: [] }, false],
  ] as const) {
    it(`that is for ${name} admits ${isHere ? 'its sources' : 'nobody'}`, () => {
      const enforced = enforce([policy({ rules: [{ ...from({ principals: [sleep] }), ...rule }] })]);
      assert.deepEqual(allowed(enforced), isHere ? [sleep] : []);
    });
  }

  for (const [name, spec, expected] of [
    ['no spec', undefined, []],
    ['an empty spec', {}, []],
    ['rules: []', { rules: [] }, []],
    ['rules: [{}]', { rules: [{}] }, ['cluster.local/ns/*']],
    ['rules: [null]', { rules: [null] }, []],
    ['rules that are no list', { rules: { from: [] } }, []],
    ['a spec that is no mapping', 'ALLOW', []],
  ] as const) {
    it(`with ${name} admits ${expected.length === 0 ? 'nobody' : 'everybody'}`, () => {
      assert.deepEqual(allowed(enforce([policy(spec)])), expected);
    });
  }

  it('denies whom it leaves out of a namespace', () => {
    const enforced = enforce([
      policy({ rules: [from({ namespaces: ['a'], notPrincipals: ['*/ns/a/sa/bad'] })] }),
    ]);
    assert.deepEqual(allowed(enforced), ['cluster.local/ns/a/sa/*']);
    assert.deepEqual(denied(enforced), ['cluster.local/ns/a/sa/bad']);
    assert.deepEqual(enforced.refusals, []);
  });

  it('does not deny whom it leaves out when another entry admits exactly him', () => {
    const { allowlist: configMaps } = parseAllowlist({
      namespace: 'default',
      name: 'callers',
      data: { allow: 'spiffe://cluster.local/ns/a/sa/bad' },
    });
    const rule = from({ namespaces: ['a'], notPrincipals: ['cluster.local/ns/a/sa/bad'] });
    const enforced = enforce([policy({ rules: [rule] })], {}, configMaps);
    assert.deepEqual(denied(enforced), []);
    assert.deepEqual(allowed(enforced), ['cluster.local/ns/a/sa/*', 'cluster.local/ns/a/sa/bad']);
  });

  it('admits nobody where whom it leaves out is partly admitted by another entry', () => {
    const { allowlist: configMaps } = parseAllowlist({
      namespace: 'default',
      name: 'callers',
      data: { allow: 'spiffe://cluster.local/ns/a/sa/one' },
    });
    const enforced = enforce([policy({ rules: [from({ notNamespaces: ['a'] })] })], {}, configMaps);
    assert.deepEqual(allowed(enforced), ['cluster.local/ns/a/sa/one']);
    assert.match(enforced.refusals[0]?.reason ?? '', /partly admitted by another entry/);
  });
});

describe('the trust domain aliases of the mesh', () => {
  const trustDomains = ['new.org', 'old.org'];
  for (const [value, expected] of [
    ['new.org/ns/a/sa/x', ['new.org/ns/a/sa/x', 'old.org/ns/a/sa/x']],
    ['old.org/ns/a/sa/*', ['new.org/ns/a/sa/*', 'old.org/ns/a/sa/*']],
    ['cluster.local/ns/a/sa/x', ['new.org/ns/a/sa/x', 'old.org/ns/a/sa/x']],
    ['*/ns/a/sa/x', ['new.org/ns/a/sa/x', 'old.org/ns/a/sa/x']],
    ['other.org/ns/a/sa/x', []],
    ['old.org/ns/a/*', ['old.org/ns/a/sa/*']],
    ['*d.org/ns/a/sa/x', ['new.org/ns/a/sa/x', 'old.org/ns/a/sa/x']],
  ] as const) {
    it(`${expected.length === 2 ? 'all stand for' : expected.length === 0 ? 'do not stand for' : 'are not put into'} ${value}`, () => {
      const enforced = enforce([policy({ rules: [from({ principals: [value] })] })], {
        trustDomains: [...trustDomains],
      });
      assert.deepEqual(allowed(enforced), expected);
    });
  }
});

describe('an AuthorizationPolicy of DENY', () => {
  const deny = (rule: unknown): KubeObject => policy({ action: 'DENY', rules: [rule] }, { annotations: {} });
  const allow = (source: object): KubeObject => policy({ rules: [from(source)] });

  it('comes before ALLOW, and is told from it by the rule', () => {
    const enforced = enforce([allow({ principals: [sleep] }), deny(from({ namespaces: ['trusted'] }))]);
    assert.deepEqual(denied(enforced), ['cluster.local/ns/trusted/sa/*']);
    const [entry] = enforced.allowlist.deny;
    assert.deepEqual(entry?.origin, {
      namespace: 'default',
      policy: 'callers',
      key: 'deny',
      path: 'rules[0]',
    });
  });

  it('comes before the ConfigMaps', () => {
    const { allowlist: configMaps } = parseAllowlist({
      namespace: 'default',
      name: 'callers',
      data: { allow: `spiffe://${sleep}\nspiffe://cluster.local/vm/one`, mode: 'audit' },
    });
    const enforced = enforce([deny({})], {}, configMaps);
    assert.deepEqual(allowed(enforced), []);
    assert.deepEqual(denied(enforced), ['cluster.local/ns/*', 'cluster.local/vm/one']);
    assert.equal(enforced.allowlist.mode, 'enforce');
  });

  it('of everybody but some leaves those that an entry admits', () => {
    const enforced = enforce([
      allow(everybody),
      deny(from({ notNamespaces: ['a', 'b'], notPrincipals: [sleep] })),
    ]);
    assert.deepEqual(allowed(enforced), [
      'cluster.local/ns/a/sa/*',
      'cluster.local/ns/b/sa/*',
      'cluster.local/ns/trusted/sa/sleep',
    ]);
    assert.deepEqual(enforced.refusals, []);
  });

  it('of a namespace but for one account denies that account as well, where all are admitted, and says so', () => {
    const enforced = enforce([
      allow(everybody),
      deny(from({ namespaces: ['a'], notPrincipals: ['cluster.local/ns/a/sa/x'] })),
    ]);
    assert.deepEqual(denied(enforced), ['cluster.local/ns/a/sa/*']);
    assert.match(enforced.refusals[0]?.reason ?? '', /it denies more/);
  });

  it('of an unfinished pattern takes whole entries away, and says so', () => {
    const enforced = enforce([
      allow({ namespaces: ['a', 'b'] }),
      deny(from({ principals: ['cluster.local/ns/a/sa/ba*'] })),
    ]);
    assert.deepEqual(allowed(enforced), ['cluster.local/ns/b/sa/*']);
    assert.match(enforced.refusals[0]?.reason ?? '', /it denies more/);
  });

  it('of an unfinished pattern needs nothing wider where all entries are accounts', () => {
    const accounts = { principals: ['cluster.local/ns/a/sa/bad', 'cluster.local/ns/a/sa/good'] };
    const enforced = enforce([allow(accounts), deny(from({ principals: ['*ad'] }))]);
    assert.deepEqual(allowed(enforced), ['cluster.local/ns/a/sa/good']);
    assert.deepEqual(enforced.refusals, []);
  });

  for (const [name, rule, isDenied] of [
    ['methods', { to: [{ operation: { methods: ['GET'] } }] }, true],
    ['methods at another port', { to: [{ operation: { methods: ['GET'], ports: ['80'] } }] }, false],
    ['source addresses', from({ ipBlocks: ['10.0.0.0/8'] }), true],
    ['a request principal', from({ notRequestPrincipals: ['*'] }), true],
    ['a server name', { when: [{ key: 'connection.sni', values: ['x'] }] }, true],
    ['a condition that nobody knows', { when: [{ key: 'moon.phase', values: ['full'] }] }, true],
    ['a port that is none', { to: [{ operation: { ports: ['http'] } }] }, true],
    ['another port', { to: [{ operation: { ports: ['80'] } }] }, false],
    ['principals that are no list', from({ principals: 'x' }), true],
    ['no rule at all', null, true],
  ] as const) {
    it(`by ${name} denies ${isDenied ? 'everybody' : 'nobody'}`, () => {
      const enforced = enforce([allow({ principals: [sleep] }), deny(rule)]);
      assert.deepEqual(denied(enforced), isDenied ? ['cluster.local/ns/*'] : []);
      assert.equal(allowed(enforced).length, isDenied ? 0 : 1);
    });
  }

  it('without rules denies nobody, as in Istio, and says so', () => {
    const enforced = enforce([allow({ principals: [sleep] }), policy({ action: 'DENY' })]);
    assert.deepEqual(allowed(enforced), [sleep]);
    assert.match(enforced.refusals[0]?.reason ?? '', /without rules denies nobody/);
  });

  it('with rules that are no list denies everybody', () => {
    assert.deepEqual(denied(enforce([policy({ action: 'DENY', rules: 'all' })])), ['cluster.local/ns/*']);
  });
});

describe('other actions', () => {
  const admitting = policy({ rules: [from({ principals: [sleep] })] });
  for (const action of ['CUSTOM', 'Deny', 43]) {
    it(`${action} counts as DENY, because nobody can be asked`, () => {
      const enforced = enforce([admitting, policy({ action, provider: { name: 'p' }, rules: [{}] })]);
      assert.deepEqual(allowed(enforced), []);
      assert.equal(enforced.refusals[0]?.path, 'action');
    });
  }

  it('AUDIT changes nothing', () => {
    const enforced = enforce([admitting, policy({ action: 'AUDIT', rules: [{}] })]);
    assert.deepEqual(allowed(enforced), [sleep]);
    assert.deepEqual(enforced.counts, { allow: 1, deny: 0, dryRun: 0 });
  });

  for (const [value, isDryRun] of [
    ['true', true],
    ['1', true],
    ['T', true],
    ['false', false],
    ['yes', false],
    ['', false],
  ] as const) {
    it(`the annotation istio.io/dry-run: "${value}" ${isDryRun ? 'leaves a policy out' : 'is none'}`, () => {
      const annotations = { 'istio.io/dry-run': value };
      const trial = policy({ action: 'DENY', rules: [{}] }, { annotations });
      const enforced = enforce([admitting, trial]);
      assert.equal(allowed(enforced).length, isDryRun ? 1 : 0);
      assert.equal(enforced.counts.dryRun, isDryRun ? 1 : 0);
    });
  }

  it('a dry run of ALLOW admits nobody', () => {
    const annotations = { 'istio.io/dry-run': 'true' };
    const enforced = enforce([policy({ rules: [{}] }, { annotations })]);
    assert.deepEqual(allowed(enforced), []);
    assert.deepEqual(enforced.counts, { allow: 0, deny: 0, dryRun: 1 });
  });
});

describe('whom an AuthorizationPolicy is for', () => {
  const rules = [from({ principals: [sleep] })];
  for (const [name, target, metadata, isConcerned] of [
    ['everything in its namespace', {}, {}, true],
    ['everything in another namespace', {}, { namespace: 'other' }, false],
    ['the whole mesh', {}, { namespace: 'istio-system' }, true],
    ['its labels', { selector: { matchLabels: { app: 'echo' } } }, {}, true],
    [
      'its labels, from the root namespace',
      { selector: { matchLabels: { app: 'echo' } } },
      { namespace: 'istio-system' },
      true,
    ],
    ['labels of which it has some', { selector: { matchLabels: { app: 'echo', x: 'y' } } }, {}, false],
    ['an empty selector', { selector: {} }, {}, true],
    ['its Service', { targetRef: { kind: 'Service', group: '', name: 'bigip' } }, {}, true],
    [
      'its Service in group core',
      { targetRefs: [{ kind: 'Service', group: 'core', name: 'bigip' }] },
      {},
      true,
    ],
    [
      'its ServiceEntry',
      { targetRefs: [{ kind: 'ServiceEntry', group: 'networking.istio.io', name: 'bigip' }] },
      {},
      true,
    ],
    ['another Service', { targetRefs: [{ kind: 'Service', group: '', name: 'web' }] }, {}, false],
    [
      'a Service of that name in the root namespace',
      { targetRefs: [{ kind: 'Service', group: '', name: 'bigip' }] },
      { namespace: 'istio-system' },
      false,
    ],
    [
      'a gateway',
      { targetRefs: [{ kind: 'Gateway', group: 'gateway.networking.k8s.io', name: 'bigip' }] },
      {},
      false,
    ],
    [
      'another Service, then its own',
      {
        targetRefs: [
          { kind: 'Service', group: '', name: 'web' },
          { kind: 'Service', group: '', name: 'bigip' },
        ],
      },
      {},
      true,
    ],
  ] as const) {
    it(`${name}: ${isConcerned ? 'it is' : 'it is not'}`, () => {
      assert.deepEqual(
        allowed(enforce([policy({ ...target, rules }, metadata)])),
        isConcerned ? [sleep] : [],
      );
    });
  }

  for (const [name, target] of [
    ['labels that are no texts', { selector: { matchLabels: { app: 1 } } }],
    ['a selector that is none', { selector: 'app=echo' }],
    ['a selector and a reference', { selector: {}, targetRef: { kind: 'Service', name: 'bigip' } }],
    ['references that are no list', { targetRefs: 'bigip' }],
    [
      'a reference into another namespace',
      { targetRefs: [{ kind: 'Service', name: 'bigip', namespace: 'x' }] },
    ],
  ] as const) {
    it(`${name}: nobody is admitted by it, and it denies`, () => {
      const admitting = enforce([policy({ ...target, rules })]);
      assert.deepEqual(allowed(admitting), []);
      assert.equal(admitting.refusals.length, 1);
      const denying = enforce([policy({ ...target, action: 'DENY', rules: [{}] })]);
      assert.deepEqual(denied(denying), ['cluster.local/ns/*']);
      assert.equal(denying.refusals.length, 1);
    });
  }
});

describe('a rule for another port', () => {
  for (const action of ['ALLOW', 'DENY']) {
    it(`of ${action} has nothing that would have to be told, whatever else it says`, () => {
      const rule = {
        ...from({ ipBlocks: ['10.0.0.1'] }),
        to: [{ operation: { ports: ['80'], methods: ['GET'] } }],
      };
      const enforced = enforce([policy({ action, rules: [rule] })]);
      assert.deepEqual([enforced.allowlist.allow, enforced.allowlist.deny, enforced.refusals], [[], [], []]);
    });
  }
});
