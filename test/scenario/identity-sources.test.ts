import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Agent } from '../../src/agent.js';
import { systemClock } from '../../src/clock.js';
import { parseConfig } from '../../src/config/load-config.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import { isEmptyPlan } from '../../src/reconcile/plan.js';
import type { ReconcileReport } from '../../src/reconcile/run-once.js';
import type { Svid } from '../../src/spiffe/svid.js';
import { served, WorkloadApiServer } from '../support/workload-api-server.js';

const ownId = 'spiffe://cluster.local/ns/default/sa/bigip';
const { signal } = new AbortController();

describe('an identity source that hands out what somebody else renews', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let workloadApi: WorkloadApiServer;
  beforeEach(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    workloadApi = await WorkloadApiServer.start();
  });
  afterEach(async () => {
    await workloadApi.close();
    await scenario.close();
  });

  const file = (name: string): string => join(scenario.folder, name);
  const certificateOf = (svid: Svid): string => svid.renderLeafPem() + svid.renderChainPem();

  const sources = {
    secret: {
      config: () => 'secret: {name: bigip-svid}',
      put: async (svid: Svid) => {
        const ref = { kind: kinds.secret, namespace: 'default', name: 'bigip-svid' };
        const live = await scenario.kube.get(ref);
        const base64 = (text: string): string => Buffer.from(text).toString('base64');
        const secret = {
          apiVersion: 'v1',
          kind: 'Secret',
          type: 'kubernetes.io/tls',
          metadata: live?.metadata ?? { namespace: 'default', name: 'bigip-svid' },
          data: {
            'tls.crt': base64(certificateOf(svid)),
            'tls.key': base64(svid.renderKeyPem().reveal()),
            'ca.crt': base64(scenario.meshCa.rootPem),
          },
        };
        await (live === undefined
          ? scenario.kube.create(kinds.secret, secret)
          : scenario.kube.replace(kinds.secret, secret));
      },
    },
    files: {
      config: () =>
        `files: {certificate: ${file('svid.pem')}, key: ${file('svid.key')}, bundle: ${file('bundle.pem')}}`,
      put: async (svid: Svid) => {
        await writeFile(file('svid.pem'), certificateOf(svid));
        await writeFile(file('svid.key'), svid.renderKeyPem().reveal());
        await writeFile(file('bundle.pem'), scenario.meshCa.rootPem);
      },
    },
    'workload-api': {
      config: () => `workloadApi: {address: "${workloadApi.address}"}`,
      put: (svid: Svid) => {
        workloadApi.serve([served(svid, [scenario.meshCa.rootCertificate])]);
        return Promise.resolve();
      },
    },
  } as const;

  for (const name of ['secret', 'files', 'workload-api'] as const) {
    it(`installs, proves and rotates with source ${name}`, async () => {
      const { config, put } = sources[name];
      const first = await scenario.meshCa.mint(ownId);
      await put(first);
      await withAgent(`source: ${name}\n  ${config()}`, async (reconcile) => {
        const installed = await reconcile();
        assert.equal(installed.desire.services[0]?.pair.facts['sha256'], first.fingerprint256);
        expectProofByOwnIdentity(installed, name, first);
        assert.ok(isEmptyPlan((await reconcile()).plan));

        const second = await scenario.meshCa.mint(ownId);
        await put(second);
        const rotated = await reconcile();
        expectProofByOwnIdentity(rotated, name, second);
        const asked = await reconcile(new Set(['echo']));
        assert.ok(isEmptyPlan(asked.plan), 'nobody has renewed it');
        assert.equal(asked.desire.services[0]?.isNewPair, false);
      });
    });
  }

  async function withAgent(
    identity: string,
    use: (reconcile: (renew?: ReadonlySet<string>) => Promise<ReconcileReport>) => Promise<void>,
  ): Promise<void> {
    const text = await readFile(scenario.configFile, 'utf8');
    const config = parseConfig(text.replace('source: ca-secret', identity), 'config.yaml');
    const { kubeconfigFile: kubeconfig } = scenario;
    const agent = await Agent.open({
      config,
      kubeconfig,
      clock: systemClock,
      logger: silentLogger(),
      signal,
    });
    const [device] = config.devices;
    assert.ok(device);
    try {
      await use((renew = new Set()) => agent.reconcile(device, { mode: 'apply', renew }));
    } finally {
      await agent.close();
    }
  }

  /** The own identity is not on the allowlist, so it is the bad caller; nobody is there to be the good one. */
  function expectProofByOwnIdentity({ proofs }: ReconcileReport, source: string, svid: Svid): void {
    const proof = proofs.get('echo');
    assert.equal(proof?.passed, true, JSON.stringify(proof));
    assert.equal(proof?.servedFingerprint, svid.fingerprint256);
    assert.deepEqual(
      proof?.checks.map(({ name, caller }) => [name, caller.split(',')[0]]),
      [
        ['bad caller', ownId],
        ['no certificate', 'TLS without a client certificate'],
        ['another CA', 'spiffe://cluster.local/ns/trusted/sa/sleep'],
        ['plain TCP', 'no TLS at all'],
      ],
    );
    assert.deepEqual(proof?.unproven, [
      {
        name: 'good caller',
        reason: `source ${source} gives certificates of ${ownId} alone, which the allowlist does not admit`,
      },
    ]);
  }
});
