import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { assembleSvid } from '../../../src/identity/assemble-svid.js';
import { parseCertificateAnswer } from '../../../src/identity/certificate-answer.js';
import { FileSource } from '../../../src/identity/file-source.js';
import { MeshRoots } from '../../../src/identity/mesh-roots.js';
import { rootsFromFile } from '../../../src/identity/steady-file.js';
import { fetchVerifiedSvid, verifySvid } from '../../../src/identity/verify-svid.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import type { SpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { TrustBundle } from '../../../src/spiffe/trust-bundle.js';
import { FakeClock } from '../../support/fake-clock.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';

const clock = new FakeClock('2026-06-01T00:00:00Z');
const { signal } = new AbortController();

function id(text: string): SpiffeId {
  const parsed = parseSpiffeId(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

describe("certificates of Istio's own samples", () => {
  let samples: string;
  before(function () {
    const folder = sharedData('istio');
    if (folder === undefined)
      return skipBecause(this, "Istio's sample certificates are not beside the checkout");
    samples = join(folder, 'certs', 'samples_certs');
  });
  const path = (name: string): string => join(samples, name);
  const text = (name: string): string => readFileSync(path(name), 'utf8');

  it('serve as files', async () => {
    const source = new FileSource({
      certificate: path('workload-{serviceAccount}-cert.pem'),
      key: path('workload-{serviceAccount}-key.pem'),
      readPassphrase: () => Promise.resolve(undefined),
      roots: new MeshRoots([rootsFromFile(path('workload-foo-root-certs.pem'), 'x', clock)]),
      clock,
    });
    for (const name of ['foo', 'bar']) {
      const spiffeId = id(`spiffe://trust-domain-${name}/ns/${name}/sa/${name}`);
      const request = { spiffeId, ttlMs: 1, keyType: 'rsa-2048' } as const;
      const { svid, trustBundle } = await fetchVerifiedSvid(source, request, () => clock.now(), signal);
      assert.equal(svid.chain.length, 1);
      assert.equal(trustBundle.roots.length, 1);
      assert.match(trustBundle.setAside[0]?.subject ?? '', /CN=Istio CA/);
    }
  });

  it('serve as the answer of a CA, whose roots may repeat themselves', () => {
    const parsed = parseCertificateAnswer([
      text('leaf-workload-foo-cert.pem'),
      text('cert-chain.pem'),
      text('root-cert-combined-2.pem'),
    ]);
    assert.ok(parsed.ok);
    const { leaf, others, anchors } = parsed.value;
    assert.equal(anchors.length, 3);
    const trustBundle = TrustBundle.of([{ origin: 'the answer', certificates: anchors }]);
    assert.equal(trustBundle.roots.length, 2);
    const spiffeId = id('spiffe://trust-domain-foo/ns/foo/sa/foo');
    const privateKey = createPrivateKey(text('workload-foo-key.pem'));
    const fetched = assembleSvid(spiffeId, { leaf, others, privateKey, trustBundle }, clock.now());
    verifySvid(fetched, spiffeId, clock.now(), 'the samples');
    assert.equal(fetched.svid.chain.length, 1);
  });
});
