import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseAllDocuments } from 'yaml';

import { systemClock } from '../../../src/clock.js';
import { identity as identitySchema } from '../../../src/config/identity.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { configuredSource } from '../../../src/identity/configured-source.js';
import type { IdentitySource, SvidRequest } from '../../../src/identity/identity-source.js';
import { fetchVerifiedSvid } from '../../../src/identity/verify-svid.js';
import type { KubeClient } from '../../../src/kube/client.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeKind } from '../../../src/kube/object.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import type { Svid } from '../../../src/spiffe/svid.js';
import { startDouble } from '../../support/kube-api.js';
import type { TestKubeApi } from '../../support/kube-api.js';
import { MeshCaServer } from '../../support/mesh-ca-server.js';
import { repositoryRoot } from '../../support/shared-data.js';
import { reviewByKubeApi } from '../../support/token-review.js';
import { served, WorkloadApiServer } from '../../support/workload-api-server.js';

const id = 'spiffe://cluster.local/ns/default/sa/bigip';
const clock = systemClock;
const { signal } = new AbortController();
const rbac = 'rbac.authorization.k8s.io/v1';
const roleKind: KubeKind = { apiVersion: rbac, kind: 'Role', plural: 'roles', namespaced: true };
const bindingKind: KubeKind = {
  apiVersion: rbac,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
};

interface Role {
  readonly kind: string;
  readonly metadata: { readonly namespace: string };
  readonly rules: readonly object[];
}

/** The rights that the reference page says a source needs: its Roles, by their namespace. */
function documentedRules(source: string): Readonly<Record<string, readonly object[]>> {
  const page = readFileSync(join(repositoryRoot, 'docs', 'reference', 'identity-sources.md'), 'utf8');
  const section = page.split(/^## /m).find((text) => text.startsWith(`\`${source}\``)) ?? '';
  const roles = [...section.matchAll(/^```yaml\n([\s\S]*?)^```/gm)]
    .flatMap(([, yaml = '']) => parseAllDocuments(yaml).map((document) => document.toJS() as Role))
    .filter(({ kind }) => kind === 'Role');
  return Object.fromEntries(roles.map(({ metadata, rules }) => [metadata.namespace, rules]));
}

describe('configuredSource', () => {
  let api: TestKubeApi;
  let ca: MeshCa;
  let svid: Svid;
  let istiod: MeshCaServer;
  let workloadApi: WorkloadApiServer;
  let folder: string;
  const file = (name: string): string => join(folder, name);

  before(async () => {
    ca = await MeshCa.create({ now: clock.now() });
    svid = await ca.mint(id);
    folder = await mkdtemp(join(tmpdir(), 'identity-'));
    api = await startDouble();
    istiod = await MeshCaServer.start({ ca, reviewToken: reviewByKubeApi(api.kube) });
    workloadApi = await WorkloadApiServer.start();
    workloadApi.serve([served(svid, [ca.rootCertificate])]);
    const certificate = svid.renderLeafPem() + svid.renderChainPem();
    await writeFile(file('bigip.pem'), certificate);
    await writeFile(file('bigip.key'), svid.renderKeyPem().reveal());
    await writeFile(file('bundle.pem'), ca.rootPem);
    await create(kinds.namespace, { name: 'istio-system' });
    await create(kinds.serviceAccount, { namespace: 'default', name: 'bigip' });
    await create(
      kinds.configMap,
      { namespace: 'istio-system', name: 'istio-ca-root-cert' },
      { data: { 'root-cert.pem': ca.rootPem } },
    );
    const cacerts = Object.entries(ca.cacertsData().reveal()).map(([key, value]) => [
      key,
      value.toString('base64'),
    ]);
    await create(
      kinds.secret,
      { namespace: 'istio-system', name: 'cacerts' },
      { data: Object.fromEntries(cacerts) as object },
    );
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    await create(
      kinds.secret,
      { namespace: 'default', name: 'istio.bigip' },
      {
        data: {
          'cert-chain.pem': base64(certificate),
          'key.pem': base64(svid.renderKeyPem().reveal()),
          'root-cert.pem': base64(ca.rootPem),
        },
      },
    );
  });
  after(async () => {
    await istiod.close();
    await workloadApi.close();
    await api.close();
    await rm(folder, { recursive: true });
  });

  async function create(
    kind: KubeKind,
    metadata: { readonly namespace?: string; readonly name: string },
    content: object = {},
  ): Promise<void> {
    await api.kube.create(kind, { apiVersion: kind.apiVersion, kind: kind.kind, metadata, ...content });
  }

  /** A client of a service account that may do what the rules say and nothing else. */
  async function clientWith(
    name: string,
    byNamespace: Readonly<Record<string, readonly object[]>>,
  ): Promise<KubeClient> {
    const namespace = 'default';
    await create(kinds.serviceAccount, { namespace, name });
    for (const [where, rules] of Object.entries(byNamespace)) {
      await create(roleKind, { namespace: where, name }, { rules });
      await create(
        bindingKind,
        { namespace: where, name },
        {
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
          subjects: [{ kind: 'ServiceAccount', namespace, name }],
        },
      );
    }
    const { token } = await api.kube.createTokenRequest({
      serviceAccount: { namespace, name },
      audiences: [],
      expirationSeconds: 600,
    });
    return api.clientFor(token.reveal());
  }

  function sourceOf(config: object, kube = api.kube): Promise<IdentitySource> {
    const identity = identitySchema.parse(config);
    const mesh = { rootNamespace: 'istio-system', trustDomainAliases: [] };
    return configuredSource({ identity, mesh }, { kube, clock, trustDomain: 'cluster.local' });
  }

  function request(): SvidRequest {
    const spiffeId = parseSpiffeId(id);
    assert.ok(spiffeId.ok);
    return { spiffeId: spiffeId.value, ttlMs: 3_600_000, keyType: 'ec-p256' };
  }

  const configs = {
    istiod: () => ({ istiod: { address: istiod.address } }),
    'ca-secret': () => ({}),
    secret: () => ({}),
    files: () => ({
      files: {
        certificate: file('{serviceAccount}.pem'),
        key: file('{serviceAccount}.key'),
        bundle: file('bundle.pem'),
      },
    }),
    'workload-api': () => ({ workloadApi: { address: workloadApi.address } }),
  } as const;

  for (const name of ['istiod', 'ca-secret', 'secret', 'files', 'workload-api'] as const) {
    it(`makes source ${name}, which needs no more rights than its reference page says`, async () => {
      const kube = await clientWith(`agent-${name}`, documentedRules(name));
      const source = await sourceOf({ source: name, ...configs[name]() }, kube);
      assert.equal(source.name, name);
      assert.equal(source.canImpersonate, name === 'ca-secret');
      assert.equal(source.mintsKeys, name === 'ca-secret' || name === 'istiod');
      const fetched = await fetchVerifiedSvid(source, request(), () => clock.now(), signal);
      assert.equal(fetched.trustBundle.toPem(), ca.rootPem);
      assert.equal((await source.fetchTrustBundle(signal)).toPem(), ca.rootPem);
    });

    it(`adds extra roots to those of source ${name}`, async () => {
      const old = await MeshCa.create({ now: clock.now(), cluster: 'old' });
      await writeFile(file('old.pem'), old.rootPem);
      const source = await sourceOf({ source: name, extraRoots: [file('old.pem')], ...configs[name]() });
      const fetched = await fetchVerifiedSvid(source, request(), () => clock.now(), signal);
      for (const bundle of [fetched.trustBundle, await source.fetchTrustBundle(signal)]) {
        assert.equal(bundle.roots.length, 2);
        const extra = bundle.roots.find(({ origins }) => origins.includes(file('old.pem')));
        assert.equal(extra?.certificate.toString(), old.rootPem);
      }
    });
  }

  it('takes the roots that the mesh publishes where files come without a bundle', async () => {
    const { certificate, key } = configs.files().files;
    const source = await sourceOf({ source: 'files', files: { certificate, key } });
    const { trustBundle } = await fetchVerifiedSvid(source, request(), () => clock.now(), signal);
    assert.deepEqual(trustBundle.roots[0]?.origins, ['ConfigMap istio-system/istio-ca-root-cert']);
  });

  it('reads a token from the file that is named for it', async () => {
    const { token } = await api.kube.createTokenRequest({
      serviceAccount: { namespace: 'default', name: 'bigip' },
      audiences: ['istio-ca'],
      expirationSeconds: 600,
    });
    await writeFile(file('token'), `${token.reveal()}\n`);
    const kube = await clientWith('agent-file', {
      'istio-system': documentedRules('istiod')['istio-system'] ?? [],
    });
    const source = await sourceOf({ istiod: { address: istiod.address, tokenFile: file('token') } }, kube);
    await fetchVerifiedSvid(source, request(), () => clock.now(), signal);
  });

  it('says which right is missing', async () => {
    const kube = await clientWith('agent-poor', {
      'istio-system': documentedRules('istiod')['istio-system'] ?? [],
    });
    const source = await sourceOf(configs.istiod(), kube);
    await assert.rejects(source.fetchSvid(request(), signal), {
      code: 'MESH_ERR_KUBE_FORBIDDEN',
      message: /create serviceaccounts\/token default\/bigip/,
    });
  });

  it('does not let an extra root vouch for a CA secret that the mesh does not publish', async () => {
    const other = await MeshCa.create({ now: clock.now(), cluster: 'other' });
    await create(kinds.namespace, { name: 'other-mesh' });
    await create(
      kinds.configMap,
      { namespace: 'other-mesh', name: 'istio-ca-root-cert' },
      { data: { 'root-cert.pem': other.rootPem } },
    );
    const cacerts = Object.entries(ca.cacertsData().reveal()).map(([key, value]) => [
      key,
      value.toString('base64'),
    ]);
    await create(
      kinds.secret,
      { namespace: 'other-mesh', name: 'cacerts' },
      { data: Object.fromEntries(cacerts) as object },
    );
    const identity = identitySchema.parse({ source: 'ca-secret', extraRoots: [file('bundle.pem')] });
    const mesh = { rootNamespace: 'other-mesh', trustDomainAliases: [] };
    const ports = { kube: api.kube, clock, trustDomain: 'cluster.local' };
    const source = await configuredSource({ identity, mesh }, ports);
    await assert.rejects(source.fetchSvid(request(), signal), { code: 'MESH_ERR_CA_ROOT_MISMATCH' });
  });
});
