import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';

import { identity } from '../../../src/config/identity.js';
import { repositoryRoot } from '../../support/shared-data.js';

const files = { certificate: '/svid/{serviceAccount}.pem', key: '/svid/{serviceAccount}.key' };

function faults(given: object): string[] {
  const parsed = identity.safeParse(given);
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')} ${message}`);
}

describe('the identity part of the config file', () => {
  it('is istiod with its usual address when nothing is said', () => {
    assert.deepEqual(identity.parse({}), {
      source: 'istiod',
      keyType: 'ec-p256',
      ttl: 86_400_000,
      renewAt: 0.5,
      rootRotation: { remove: [] },
    });
    assert.deepEqual(identity.parse({ istiod: { clusterId: 'west' } }).istiod, {
      address: 'istiod.istio-system.svc:15012',
      serverName: 'istiod.istio-system.svc',
      audience: 'istio-ca',
      clusterId: 'west',
      certSigner: '',
    });
  });

  for (const given of [
    { istiod: { address: '[2001:db8::1]:15012', tokenFile: '/var/run/secrets/tokens/istio-token' } },
    { source: 'secret' },
    { source: 'secret', secret: { name: 'istio.{serviceAccount}' } },
    { source: 'files', files, passphraseFile: '/run/passphrase' },
    { source: 'workload-api', workloadApi: { address: 'unix:///run/spire/agent.sock' } },
    { source: 'ca-secret', extraRoots: ['/etc/old-root.pem'], passphraseFile: '/run/passphrase' },
  ]) {
    it(`takes ${JSON.stringify(given)}`, () => assert.deepEqual(faults(given), []));
  }

  for (const [given, fault] of [
    [{ source: 'files' }, /^files is missing; source files needs it/],
    [{ source: 'workload-api' }, /^workloadApi is missing/],
    [{ source: 'secret', istiod: {} }, /^istiod does nothing with source secret/],
    [{ source: 'istiod', files }, /^files does nothing with source istiod/],
    [{ passphraseFile: '/run/passphrase' }, /^passphraseFile does nothing with source istiod/],
    [{ istiod: { address: 'https://istiod:15012' } }, /^istiod\.address must be HOST:PORT/],
    [{ istiod: { adress: 'x:1' } }, /Unrecognized key/],
    [{ source: 'secret', secret: { name: 'istio.{sa}' } }, /^secret\.name may have \{namespace\}/],
    [{ source: 'files', files: { ...files, bundle: '' } }, /^files\.bundle/],
    [
      { source: 'workload-api', workloadApi: { address: 'tcp://127.0.0.1:8081' } },
      /^workloadApi\.address must be unix:/,
    ],
    [{ source: 'spire' }, /^source Invalid option/],
  ] as const) {
    it(`refuses ${JSON.stringify(given)}`, () => {
      const found = faults(given);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] ?? '', fault);
    });
  }

  it('takes every example of its reference page', () => {
    const page = readFileSync(join(repositoryRoot, 'docs', 'reference', 'identity-sources.md'), 'utf8');
    const examples = [...page.matchAll(/^```yaml\n(identity:[\s\S]*?)^```/gm)].map(
      ([, yaml = '']) => (parse(yaml) as { identity: object }).identity,
    );
    assert.equal(examples.length, 6);
    for (const example of examples) assert.deepEqual(faults(example), []);
  });
});
