import { strict as assert } from 'node:assert';

import { describeProblem } from '../../../../src/mesh/validation/problem.js';
import { validator } from './rule-suite.js';

const long = 'a'.repeat(64);

describe('any object', () => {
  const reasons = (object: unknown): string[] => validator.validate(object).map(describeProblem);
  const entry = (metadata: unknown, more: object = {}): object => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata,
    spec: { address: '192.0.2.1' },
    ...more,
  });

  for (const [what, object, refusal] of [
    ['that is none', null, 'it is not an object'],
    ['of a kind that nobody knows', { apiVersion: 'v1', kind: 'Pod' }, 'no matches for kind "Pod"'],
    ['with a kind of JavaScript', { apiVersion: 'v1', kind: 'constructor' }, 'no matches for kind'],
    [
      'in a version that is not there',
      { apiVersion: 'networking.istio.io/v2', kind: 'ServiceEntry' },
      'v1alpha3',
    ],
    ['in another group', { apiVersion: 'security.istio.io/v1', kind: 'ServiceEntry' }, 'networking.istio.io'],
    ['without a name', entry({}), 'metadata.name: Required value'],
    ['with a name in capitals', entry({ name: 'A' }), 'RFC 1123 subdomain'],
    ['with a namespace with a dot', entry({ name: 'a', namespace: 'a.b' }), 'RFC 1123 label'],
    ['with a long label', entry({ name: 'a', labels: { a: long } }), 'invalid tag value'],
    ['with an annotation that is a number', entry({ name: 'a', annotations: { a: 1 } }), 'must be text'],
    ['with a field beside spec', entry({ name: 'a' }, { specs: {} }), 'unknown field "specs"'],
    ['without a spec', entry({ name: 'a' }, { spec: undefined }), 'spec: Required value'],
    ['with a spec that is a list', entry({ name: 'a' }, { spec: [] }), 'must be of type object: "array"'],
  ] as const) {
    it(`${what} is refused`, () => {
      assert.ok(
        reasons(object).some((reason) => reason.includes(refusal)),
        reasons(object).join('\n'),
      );
    });
  }

  it('may have a status of anybody', () => {
    const conditions = [{ type: 'Healthy', status: 'True', lastProbeTime: '2030-01-01T00:00:00Z' }];
    assert.deepEqual(reasons(entry({ name: 'a' }, { status: { conditions, own: 1 } })), []);
  });

  it('is warned of where it is taken and disappoints', () => {
    const service = (spec: object): object => ({
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'a' },
      spec: { hosts: ['a.com'], ports: [{ number: 9000, name: 'tcp', protocol: 'TCP' }], ...spec },
    });
    const levels = (object: object): string[] =>
      validator.validate(object).map((problem) => `${problem.level} ${describeProblem(problem)}`);
    assert.match(
      levels(service({ resolution: 'STATIC' })).join(),
      /^warning spec.addresses: .*port 9000 \(IST0134\)$/,
    );
    assert.match(
      levels(service({ hosts: ['*foo.com'], resolution: 'NONE' })).join(),
      /^warning .*partial wildcard/,
    );
    assert.match(
      levels(service({ resolution: 'NONE', workloadSelector: { labels: { a: 'b' } } })).join(),
      /^warning .*does nothing with resolution NONE/,
    );
    const port = { number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 };
    assert.match(levels(service({ ports: [port] })).join(), /^warning .*targetPort has no effect/);
    const shared = { hosts: ['a.com', 'b.com'], addresses: ['192.0.2.1'], resolution: 'DNS' };
    const ports = [{ number: 443, name: 'https', protocol: 'HTTPS' }];
    assert.match(levels(service({ ...shared, ports })).join(), /^warning .*share these addresses/);
    const rule = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'a' },
      spec: { host: 'a.com', trafficPolicy: { tls: { mode: 'SIMPLE', credentialName: 's' } } },
    };
    assert.match(levels(rule).join(), /^warning .*plain text/);
  });
});
