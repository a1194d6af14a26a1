import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { systemClock } from '../../../src/clock.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import { silentLogger } from '../../../src/log.js';
import { startMockBigIp } from '../../../src/mock/mock-big-ip.js';
import type { MockBigIp } from '../../../src/mock/mock-big-ip.js';
import { Secret } from '../../../src/secret.js';
import { ManagementClient } from '../mock/management-client.js';
const password = 'correct horse';
describe('a client that is killed again and again', function () {
  this.timeout(60_000);
  let device: MockBigIp;
  let colleague: ManagementClient;
  let folder: string;
  let script: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'killed-client-'));
    script = join(folder, 'logged-in-client.mjs');
    // One file starts in half the time, and there are 200 starts.
    await build({
      entryPoints: [fileURLToPath(new URL('logged-in-client.js', import.meta.url))],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
      banner: {
        js: "import{createRequire as bundleRequire}from'node:module';const require=bundleRequire(import.meta.url);",
      },
    });
    device = await startMockBigIp({
      listen: { host: '127.0.0.1', port: 0 },
      users: [{ name: 'mesh', password: new Secret(password) }],
      clock: systemClock,
      logger: silentLogger(),
    });
    colleague = new ManagementClient(device);
  });
  after(async () => {
    colleague.close();
    await device.close();
    await rm(folder, { recursive: true });
  });

  async function tokens(): Promise<ReadonlyArray<{ readonly token: string; readonly timeout: number }>> {
    const { items } = (await colleague.get('/mgmt/shared/authz/tokens')).json;
    return items as unknown as ReadonlyArray<{ token: string; timeout: number }>;
  }

  it('does not lock its user out: of 200 killed ones fewer than 100 tokens stay, and the next one logs in', async () => {
    await colleague.login('mesh', password);
    const [own] = await tokens();
    let started = 0;
    const runOne = async (): Promise<void> => {
      while (started < 200) {
        started += 1;
        await logInAndDie(script, device);
      }
    };
    await Promise.all([runOne(), runOne(), runOne()]);

    const client = new IControlClient({
      url: device.url,
      credentials: () => Promise.resolve({ username: 'mesh', password: new Secret(password) }),
      tls: { fingerprint256: device.fingerprint256 },
      clock: systemClock,
      logger: silentLogger(),
    });
    await client.system.observeVersion();
    const left = await tokens();
    await client.close();
    assert.ok(left.length < 100, `${left.length} tokens`);
    assert.ok(
      left.some(({ token }) => token === own?.token),
      'the token of a colleague with the same user is gone',
    );
    const logins = device.requests.filter(({ path }) => path.endsWith('/authn/login'));
    assert.equal(logins.filter(({ status }) => status === 200).length, 202);
  });
});

async function logInAndDie(script: string, { url, fingerprint256 }: MockBigIp): Promise<void> {
  const child = spawn(process.execPath, [script, url, fingerprint256], {
    env: { ...process.env, DEVICE_PASSWORD: password },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const [line] = (await Promise.race([once(child.stdout, 'data'), closed])) as [unknown];
  assert.equal(String(line), 'logged in\n');
  child.kill('SIGKILL');
  await closed;
}
