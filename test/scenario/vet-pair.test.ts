import { strict as assert } from 'node:assert';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/clock.js';
import { startKubeApi } from '../../src/demo/kube-api/kube-api.js';
import type { KubeApi } from '../../src/demo/kube-api/kube-api.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import { deviceUser, renderScenarioConfig, seedCluster } from '../../src/demo/surroundings.js';
import { KubeClient } from '../../src/kube/client.js';
import { silentLogger } from '../../src/log.js';
import { startMockPair } from '../../src/mock/ha/mock-pair.js';
import type { MockPair } from '../../src/mock/ha/mock-pair.js';
import { Secret } from '../../src/secret.js';
import { cli, DeviceBreaker } from '../unit/vet/vet-bed.js';

const { signal } = new AbortController();

/** Waits between tries of a device that does not answer take no time; deadlines do. */
const impatient: Clock = {
  ...systemClock,
  sleep: (ms, abort) => (ms <= 4000 ? Promise.resolve() : systemClock.sleep(ms, abort)),
};

describe('vet, of an HA pair', function () {
  this.timeout(30_000);
  let folder: string;
  let kubeApi: KubeApi;
  let pair: MockPair;
  const file = (name: string): string => join(folder, name);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
    kubeApi = await startKubeApi();
    await writeFile(file('kubeconfig.yaml'), kubeApi.kubeconfig());
    const kube = new KubeClient({ path: file('kubeconfig.yaml') });
    await seedCluster(kube, await MeshCa.create({ now: systemClock.now() }));
    await kube.close();
    const unit = (name: string) => ({
      listen: { host: '127.0.0.1', port: 0 },
      hostname: `${name}.example.com`,
    });
    pair = await startMockPair({
      units: [unit('bigip1'), unit('bigip2')],
      users: [{ name: deviceUser.name, password: new Secret(deviceUser.password) }],
      clock: systemClock,
      logger: silentLogger(),
    });
    await writeFile(file('units.pem'), pair.units.map(({ certificatePem }) => certificatePem).join(''));
  });
  after(async () => {
    await pair?.close();
    await kubeApi?.close();
    await rm(folder, { recursive: true });
  });

  /** What vet says of the units; nothing is applied to them, so the service is told as missing besides. */
  const told = async (urls: readonly string[], clock: Clock = systemClock): Promise<string[]> => {
    const listen = { address: '127.0.0.1', port: 1 };
    const text = renderScenarioConfig({
      url: 'URL',
      certificateFile: file('units.pem'),
      listen,
      echoPort: 1,
    });
    await writeFile(file('config.yaml'), text.replace('["URL"]', JSON.stringify(urls)));
    const args = ['vet', '-f', file('config.yaml'), '--kubeconfig', file('kubeconfig.yaml'), '-o', 'json'];
    const { stdout } = await cli(args, clock);
    const { findings } = JSON.parse(stdout) as {
      findings: ReadonlyArray<{ readonly code: string; readonly level: string; readonly seen: string }>;
    };
    return findings
      .filter(({ code }) => code === 'BMV105' || code === 'BMV108')
      .map(({ code, level, seen }) => `${level} ${code}: ${seen}`);
  };
  const both = (): string[] => pair.units.map(({ url }) => url);

  it('finds nothing wrong with the units while they are in sync', async () => {
    assert.deepEqual(await told(both()), []);
  });

  it('finds a configuration that names one unit of two', async () => {
    assert.deepEqual(await told(both().slice(0, 1)), [
      'warning BMV105: it is a unit of a pair, and only one url is configured',
    ]);
  });

  it('finds changes that the other unit lacks', async () => {
    const device = new DeviceBreaker({ bigIp: pair.units[0] }, signal);
    await device.create('ltm/pool', { name: 'unsynced', partition: 'Common' });
    await device.client.close();
    assert.match((await told(both())).join(), /^error BMV105: Changes Pending/);
  });

  it('finds a unit that does not answer, and reads the other', async () => {
    await pair.powerOff(1);
    const seen = await told(both(), impatient);
    assert.ok(seen.includes('warning BMV108: one unit: does not answer'), String(seen));
    assert.match(seen.join(), /error BMV105: Disconnected/);
    await pair.powerOn(1);
  });

  it('has everything of a device unknown that does not answer at all', async () => {
    const text = renderScenarioConfig({
      url: 'https://127.0.0.1:1',
      certificateFile: file('units.pem'),
      listen: { address: '127.0.0.1', port: 1 },
      echoPort: 1,
    });
    await writeFile(file('config.yaml'), text);
    const args = ['vet', '-f', file('config.yaml'), '--kubeconfig', file('kubeconfig.yaml'), '-o', 'json'];
    const { stdout } = await cli(args, impatient);
    const { unknown } = JSON.parse(stdout) as {
      unknown: ReadonlyArray<{ readonly code: string; readonly reason: string }>;
    };
    const ofDevice = unknown.filter(({ code }) => code >= 'BMV101').map(({ code }) => code);
    // A single url leaves nothing to say about failover.
    assert.equal(ofDevice.length, 15);
    assert.match(
      unknown.find(({ code }) => code === 'BMV101')?.reason ?? '',
      /no answer from 127\.0\.0\.1:1/,
    );
  });
});
