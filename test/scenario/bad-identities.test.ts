import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';

import { Agent } from '../../src/agent.js';
import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/clock.js';
import { parseConfig } from '../../src/config/load-config.js';
import type { DeviceStatus } from '../../src/controller/device-status.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import { goodCallerId } from '../../src/demo/surroundings.js';
import type { ErrorCode } from '../../src/errors.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import type { Svid } from '../../src/spiffe/svid.js';
import { MeshCaServer } from '../support/mesh-ca-server.js';
import { putSvidSecret } from '../support/svid-secret.js';
import type { SvidSecretParts } from '../support/svid-secret.js';
import { reviewByKubeApi } from '../support/token-review.js';
import { ControllerBed } from '../unit/controller/controller-bed.js';
import type { Replica } from '../unit/controller/controller-bed.js';

const ownId = 'spiffe://cluster.local/ns/default/sa/bigip';
const hourMs = 3_600_000;
const { signal } = new AbortController();

/** Certificate and key of a case; what is left out is of the certificate. */
interface BadSvid extends SvidSecretParts {
  readonly svid: Svid;
}

describe('a bad identity', function () {
  this.timeout(60_000);
  let bed: ControllerBed;
  let good: Svid;
  before(async () => {
    bed = await ControllerBed.start();
    const { kube, meshCa } = bed.scenario;
    // Due for renewal, and good for a while.
    good = await meshCa.mint(ownId, { notBefore: minutesFromNow(-60), notAfter: minutesFromNow(40) });
    await putSvidSecret(kube, 'bigip-svid', good);
    await putSvidSecret(kube, 'ping-svid', await meshCa.mint('spiffe://cluster.local/ns/default/sa/ping'));
    for (const name of ['bigip', 'ping']) {
      const metadata = { namespace: 'default', name };
      await kube.create(kinds.serviceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    }
    for (const name of ['echo', 'ping'] as const) await bed.edit(name, { allow: goodCallerId });
    await install();
  });
  after(() => bed.close());

  const secretSource = (text: string): string =>
    text.replace('source: ca-secret', 'source: secret\n  secret: {name: "{serviceAccount}-svid"}');

  /** As if it were a while ago, so that nothing is too new to be renewed; the CA is two minutes older. */
  async function install(): Promise<void> {
    const { configFile, kubeconfigFile: kubeconfig } = bed.scenario;
    const config = parseConfig(secretSource(await readFile(configFile, 'utf8')), 'config.yaml');
    const clock: Clock = { ...systemClock, now: () => minutesFromNow(-1.5) };
    const agent = await Agent.open({ config, kubeconfig, clock, logger: silentLogger(), signal });
    const [device] = config.devices;
    assert.ok(device);
    try {
      await agent.reconcile(device, { mode: 'apply' });
    } finally {
      await agent.close();
    }
  }

  async function servedFingerprint(): Promise<string> {
    const { listen, meshCa } = bed.scenario;
    const caller = await meshCa.mint(goodCallerId);
    const socket = connect({
      host: listen.address,
      port: listen.port,
      cert: caller.renderLeafPem() + caller.renderChainPem(),
      key: caller.renderKeyPem().reveal(),
      // Whoever serves it: the fingerprint is what is asked for.
      checkServerIdentity: () => undefined,
      ca: meshCa.rootPem,
    });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256.replaceAll(':', '').toLowerCase();
  }

  /** What must be so whenever a certificate was refused. */
  async function expectRefused(
    replica: Replica,
    { code, reason, writes }: { readonly code: ErrorCode; readonly reason: RegExp; readonly writes: number },
  ): Promise<void> {
    const failureOf = (status: DeviceStatus) => status.services.get('echo')?.failure;
    const status = await replica.when(
      (one) => failureOf(one)?.code === code && reason.test(failureOf(one)?.message ?? ''),
    );
    assert.equal(status.failure, undefined, 'the device as a whole is well');
    assert.equal(await servedFingerprint(), good.fingerprint256, 'the served certificate is untouched');
    // A process that begins saves what an earlier one may have left unsaved.
    const written = bed.deviceWrites
      .slice(writes)
      .filter((request) => request !== 'POST /mgmt/tm/sys/config');
    assert.deepEqual(written, [], 'nothing was written');
    const { items } = await bed.scenario.kube.list(kinds.event, { namespace: 'default' });
    const told = items.filter((event) => {
      const note = String(event['note']);
      return event['reason'] === 'ServiceFailed' && note.includes(`(${code})`) && reason.test(note);
    });
    const [event] = told;
    assert.ok(event !== undefined, 'an Event tells of it');
    assert.equal((event['regarding'] as { name: string }).name, 'echo-callers');
    const failures = new RegExp(
      `^bigip_mesh_reconcile_failures_total\\{device="[^"]+",code="${code}"\\} [1-9]`,
      'm',
    );
    assert.match(await replica.metrics.render(), failures);
  }

  describe('in a Secret', () => {
    let replica: Replica;
    before(async () => {
      replica = await bed.startReplica({ configure: secretSource });
      await replica.when(({ syncedAt }) => syncedAt !== undefined);
    });
    after(() => replica.stop());

    const cases: Readonly<Record<string, { bad: () => Promise<BadSvid>; code: ErrorCode; reason: RegExp }>> =
      {
        'a chain of one element': {
          bad: async () => {
            const svid = await bed.scenario.meshCa.mint(ownId);
            return { svid, certificate: svid.renderLeafPem() };
          },
          code: 'MESH_ERR_SVID_UNTRUSTED',
          reason: /is signed by nobody among the intermediates and roots/,
        },
        'two URI SANs': {
          bad: async () => ({ svid: await bed.scenario.meshCa.mint(ownId, { uris: [ownId, goodCallerId] }) }),
          code: 'MESH_ERR_SVID_WRONG_IDENTITY',
          reason: /is no X509-SVID \(many-uris\)/,
        },
        'another trust domain': {
          bad: async () => {
            const uris = ['spiffe://other.example/ns/default/sa/bigip'];
            return { svid: await bed.scenario.meshCa.mint(ownId, { uris }) };
          },
          code: 'MESH_ERR_SVID_WRONG_IDENTITY',
          reason: /carries spiffe:\/\/other\.example\/ns\/default\/sa\/bigip/,
        },
        'a signer that has expired': {
          bad: async () => {
            const past = minutesFromNow(-11 * 365 * 24 * 60);
            const old = await bed.scenario.meshCa.withNewIntermediate(past);
            const dates = { notBefore: minutesFromNow(-2), notAfter: minutesFromNow(60) };
            return { svid: await old.mint(ownId, dates) };
          },
          code: 'MESH_ERR_SVID_UNTRUSTED',
          reason: /Intermediate CA.* expired at 20\d\d-/,
        },
        'a certificate of the future, as of a clock that is ahead': {
          bad: async () => ({
            svid: await bed.scenario.meshCa.mint(ownId, { notBefore: minutesFromNow(30) }),
          }),
          code: 'MESH_ERR_SVID_NOT_VALID_NOW',
          reason: /is not valid before 20\d\d-/,
        },
        'a certificate that has expired': {
          bad: async () => {
            const dates = { notBefore: minutesFromNow(-60), notAfter: minutesFromNow(-1) };
            return { svid: await bed.scenario.meshCa.mint(ownId, dates) };
          },
          code: 'MESH_ERR_SVID_NOT_VALID_NOW',
          reason: /expired at 20\d\d-/,
        },
        'the key of another certificate': {
          bad: async () => {
            const other = await bed.scenario.meshCa.mint(ownId);
            return { svid: await bed.scenario.meshCa.mint(ownId), key: other.renderKeyPem().reveal() };
          },
          code: 'MESH_ERR_SVID_KEY_MISMATCH',
          reason: /tls\.key of the secret default\/bigip-svid is not the key of the certificate/,
        },
        'a certificate of another mesh': {
          bad: async () => {
            const other = await MeshCa.create({ now: systemClock.now(), cluster: 'other' });
            return { svid: await other.mint(ownId) };
          },
          code: 'MESH_ERR_SVID_UNTRUSTED',
          reason: /does not lead to its trust bundle of 1 roots/,
        },
      };
    for (const [what, { bad, code, reason }] of Object.entries(cases)) {
      it(`is refused: ${what}`, async () => {
        const { kube } = bed.scenario;
        const writes = bed.deviceWrites.length;
        const { svid, ...parts } = await bad();
        await putSvidSecret(kube, 'bigip-svid', svid, parts);
        await expectRefused(replica, { code, reason, writes });
        await putSvidSecret(kube, 'bigip-svid', good);
        await replica.when(({ services }) => services.get('echo')?.failure === undefined);
        assert.equal(bed.deviceWrites.length, writes);
      });
    }

    it('does not spoil the roots beside it: a root that is there twice and what is no root are set aside', async () => {
      const { kube, meshCa } = bed.scenario;
      const ref = { kind: kinds.configMap, namespace: 'istio-system', name: 'istio-ca-root-cert' };
      const published = await kube.get(ref);
      assert.ok(published !== undefined);
      const pem = meshCa.rootPem + meshCa.rootPem + meshCa.intermediateCertificate.toString();
      const writes = bed.deviceWrites.length;
      await kube.replace(kinds.configMap, { ...published, data: { 'root-cert.pem': pem } });
      let events: string[] = [];
      while (events.length < 2) {
        await replica.next();
        const { items } = await kube.list(kinds.event, { namespace: 'mesh-edge' });
        events = items.filter(({ reason }) => reason === 'RootSetAside').map(({ note }) => String(note));
      }
      const place = 'in ConfigMap istio-system/istio-ca-root-cert';
      assert.match(events.join('\n'), new RegExp(`CN=Root CA.* ${place} is there twice and was set aside`));
      assert.match(events.join('\n'), new RegExp(`CN=Intermediate CA.* ${place} is not self-signed`));
      assert.match(await replica.metrics.render(), /^bigip_mesh_roots_set_aside\{device="[^"]+"\} 2$/m);
      assert.deepEqual(bed.deviceWrites.slice(writes), []);
      assert.equal(await bed.call('echo', goodCallerId), 'answered');
    });
  });

  describe('from istiod', () => {
    let istiod: MeshCaServer;
    beforeEach(async () => {
      const { kube, meshCa } = bed.scenario;
      istiod = await MeshCaServer.start({ ca: meshCa, reviewToken: reviewByKubeApi(kube) });
    });
    afterEach(() => istiod.close());

    const tokenFile = (): string => join(bed.scenario.folder, 'token');
    const tokenFor = async (audience: string): Promise<string> => {
      const serviceAccount = { namespace: 'default', name: 'bigip' };
      const { token } = await bed.scenario.kube.createTokenRequest({
        serviceAccount,
        audiences: [audience],
        expirationSeconds: 600,
      });
      return token.reveal();
    };
    const expiredToken = (): string => {
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const exp = Math.floor(minutesFromNow(-10).getTime() / 1000);
      const sub = 'system:serviceaccount:default:bigip';
      return [part({ alg: 'RS256' }), part({ aud: ['istio-ca'], exp, sub }), 'c2lnbmF0dXJl'].join('.');
    };
    const cases: Readonly<
      Record<
        string,
        { token: () => Promise<string> | string; also?: string; code: ErrorCode; reason: RegExp; bend?: true }
      >
    > = {
      'for a token that has expired': {
        token: expiredToken,
        code: 'MESH_ERR_CA_TOKEN_REFUSED',
        reason: /does not accept the token in \S+: it expired at 20\d\d-/,
      },
      'for a token of another audience': {
        token: () => tokenFor('vault'),
        code: 'MESH_ERR_CA_TOKEN_REFUSED',
        reason: /it is for the audience vault and not for istio-ca/,
      },
      'for a cluster that the CA does not know': {
        token: () => tokenFor('istio-ca'),
        also: ', clusterId: elsewhere',
        code: 'MESH_ERR_CA_TOKEN_REFUSED',
        reason: /it may not know the cluster elsewhere/,
      },
      'with a chain of one element': {
        token: () => tokenFor('istio-ca'),
        bend: true,
        code: 'MESH_ERR_CA_ANSWER',
        reason: /the answer of the mesh CA at \S+ cannot be used/,
      },
    };
    for (const [what, { token, also = '', code, reason, bend }] of Object.entries(cases)) {
      it(`is refused: ${what}`, async () => {
        await writeFile(tokenFile(), await token());
        if (bend === true) istiod.bendAnswers((chain) => chain.slice(0, 1));
        const section = `{address: "${istiod.address}", tokenFile: "${tokenFile()}"${also}}`;
        const writes = bed.deviceWrites.length;
        const replica = await bed.startReplica({
          configure: (text) => text.replace('source: ca-secret', `source: istiod\n  istiod: ${section}`),
        });
        try {
          await expectRefused(replica, { code, reason, writes });
        } finally {
          await replica.stop();
        }
      });
    }
  });
});

function minutesFromNow(minutes: number): Date {
  return new Date(systemClock.now().getTime() + (minutes / 60) * hourMs);
}
