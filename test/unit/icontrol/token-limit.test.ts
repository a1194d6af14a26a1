import assert from 'node:assert/strict';
import { systemClock } from '../../../src/clock.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import { tokenMark } from '../../../src/icontrol/login-token.js';
import { silentLogger } from '../../../src/log.js';
import type { MockBigIp } from '../../../src/mock/mock-big-ip.js';
import { Secret } from '../../../src/secret.js';
import { startBench } from '../mock/bench.js';
import type { Bench } from '../mock/bench.js';
import { ManagementClient } from '../mock/management-client.js';

const password = 'agent-password';
const holder = 'mesh-agent-0';

function clientOf(device: MockBigIp): IControlClient {
  return new IControlClient({
    url: device.url,
    credentials: () => Promise.resolve({ username: 'agent', password: new Secret(password) }),
    tls: { fingerprint256: device.fingerprint256 },
    holder,
    clock: systemClock,
    logger: silentLogger(),
  });
}

describe('a user who holds as many tokens as the device allows', () => {
  let bench: Bench;
  let other: ManagementClient;
  beforeEach(async () => {
    bench = await startBench();
    other = new ManagementClient(bench.device);
  });
  afterEach(async () => {
    other.close();
    await bench.close();
  });

  /** Logs in so many times without ever logging out, as processes do that are killed. */
  async function logIn(count: number, timeout?: number): Promise<void> {
    for (let login = 0; login < count; login += 1) {
      const { token } = (await other.login('agent', password)).json;
      const path = `/mgmt/shared/authz/tokens/${(token as { token: string }).token}`;
      if (timeout !== undefined) assert.equal((await other.patch(path, { timeout })).status, 200);
    }
  }
  async function timeouts(): Promise<number[]> {
    const { items } = (await other.get('/mgmt/shared/authz/tokens')).json;
    return (items as unknown as Array<{ timeout: number }>).map(({ timeout }) => timeout);
  }
  const marked = 1200 + tokenMark(holder);

  it('logs in after deleting what killed processes of the same agent left', async () => {
    await logIn(70, marked);
    await logIn(30);
    const client = clientOf(bench.device);
    await client.system.observeVersion();
    await client.close();
    const left = await timeouts();
    assert.equal(left.filter((timeout) => timeout === 1200).length, 30);
    assert.equal(left.filter((timeout) => timeout === marked).length, 10);
  });

  const foreign = { 'a person': undefined, 'another replica': 1200 + tokenMark('mesh-agent-1') };
  for (const [whose, timeout] of Object.entries(foreign)) {
    it(`is refused, and deletes nothing, when the tokens are those of ${whose}`, async () => {
      await logIn(100, timeout);
      const client = clientOf(bench.device);
      await assert.rejects(client.system.observeVersion(), { code: 'MESH_ERR_DEVICE_TOKEN_LIMIT' });
      await client.close();
      assert.equal((await timeouts()).length, 100);
      assert.equal(bench.device.requests.filter(({ method }) => method === 'DELETE').length, 0);
    });
  }
});
