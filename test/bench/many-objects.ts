import { systemClock } from '../../src/clock.js';
import { silentLogger } from '../../src/log.js';
import { startMockBigIp } from '../../src/mock/mock-big-ip.js';
import { Secret } from '../../src/secret.js';
import { ManagementClient } from '../unit/mock/management-client.js';

/*
 * A mock that comes to hold 10,000 objects, in a process of its own: prints its memory before and after, in bytes, and
 * the milliseconds that the commit of the last thousand took.
 */

const objects = 10_000;
const inOneTransaction = 1000;

const device = await startMockBigIp({
  listen: { host: '127.0.0.1', port: 0 },
  users: [{ name: 'admin', password: new Secret('admin-password') }],
  clock: systemClock,
  logger: silentLogger(),
});
const client = new ManagementClient(device);
await client.login();
await client.get('/mgmt/tm/ltm/node');
const before = memory();
let commitMs = 0;
for (let made = 0; made < objects; made += inOneTransaction) {
  const transactionId = `${(await client.post('/mgmt/tm/transaction', {})).json['transId'] as number}`;
  const headers = { 'x-f5-rest-coordination-id': transactionId };
  for (let index = made; index < made + inOneTransaction; index += 1) {
    const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    const body = { name: `node-${index}`, partition: 'Common', address, description: 'one of many' };
    await client.post('/mgmt/tm/ltm/node', body, headers);
  }
  const startedAt = performance.now();
  const { status } = await client.patch(`/mgmt/tm/transaction/${transactionId}`, {
    state: 'VALIDATING',
  });
  commitMs = performance.now() - startedAt;
  if (status !== 200) throw new Error(`commit answered ${status}`);
  device.forgetRequests();
}
const last = (await client.get(`/mgmt/tm/ltm/node/~Common~node-${objects - 1}`)).status;
if (last !== 200) throw new Error('the objects are not there');
process.stdout.write(`${JSON.stringify({ before, after: memory(), commitMs })}\n`);
client.close();
await device.close();

function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}
