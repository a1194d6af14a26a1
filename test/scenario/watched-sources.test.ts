import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { DeviceStatus } from '../../src/controller/device-status.js';
import type { Svid } from '../../src/spiffe/svid.js';
import { WorkloadApiServer, served } from '../support/workload-api-server.js';
import { ControllerBed } from '../unit/controller/controller-bed.js';
import { putSvidSecret } from '../support/svid-secret.js';

const accounts = { echo: 'bigip', ping: 'ping' } as const;
type Name = keyof typeof accounts;

describe('an identity source that is watched', function () {
  this.timeout(60_000);
  let bed: ControllerBed;
  let workloadApi: WorkloadApiServer;
  beforeEach(async () => {
    bed = await ControllerBed.start();
    workloadApi = await WorkloadApiServer.start();
  });
  afterEach(async () => {
    await bed.close();
    await workloadApi.close();
  });

  const file = (name: string): string => join(bed.scenario.folder, name);
  const current = new Map<Name, Svid>();
  const sources: Record<
    string,
    { readonly config: () => string; readonly put: (name: Name, svid: Svid) => Promise<unknown> }
  > = {
    secret: {
      config: () => 'secret: {name: "{serviceAccount}-svid"}',
      put: (name, svid) => putSvidSecret(bed.scenario.kube, `${accounts[name]}-svid`, svid),
    },
    files: {
      config: () =>
        `files: {certificate: "${file('svid-{serviceAccount}.crt')}", key: "${file('svid-{serviceAccount}.key')}"}`,
      put: async (name, svid) => {
        await writeFile(file(`svid-${accounts[name]}.crt`), svid.renderLeafPem() + svid.renderChainPem());
        await writeFile(file(`svid-${accounts[name]}.key`), svid.renderKeyPem().reveal());
      },
    },
    'workload-api': {
      config: () => `workloadApi: {address: "${workloadApi.address}"}`,
      put: (name, svid) => {
        current.set(name, svid);
        workloadApi.serve(
          [...current.values()].map((one) => served(one, [bed.scenario.meshCa.rootCertificate])),
        );
        return Promise.resolve();
      },
    },
  };

  for (const [source, { config, put }] of Object.entries(sources)) {
    it(`${source}: what was renewed there is served in a moment, with nobody else calling for it`, async () => {
      const mint = (name: Name): Promise<Svid> =>
        bed.scenario.meshCa.mint(`spiffe://cluster.local/ns/default/sa/${accounts[name]}`);
      for (const name of ['echo', 'ping'] as const) {
        await put(name, await mint(name));
        await bed.edit(name, { allow: '' });
      }
      const replica = await bed.startReplica({
        configure: (text) => text.replace('source: ca-secret', `source: ${source}\n  ${config()}`),
      });
      await replica.when(({ syncedAt }) => syncedAt !== undefined);
      const renewed = await mint('echo');
      await put('echo', renewed);
      const isServed = (status: DeviceStatus): boolean =>
        status.services.get('echo')?.certificate?.sha256 === renewed.fingerprint256;
      const status = await replica.when(isServed);
      assert.equal(status.failure, undefined);
    });
  }
});
