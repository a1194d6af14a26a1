import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { silentLogger } from '../../../src/log.js';
import { TclDataPlane } from '../../../src/mock/data-plane/tcl-data-plane.js';
import type { JsonObject } from '../../../src/mock/json.js';
import { FakeClock } from '../../support/fake-clock.js';
import { until } from '../../support/until.js';
import { startBench } from './bench.js';
import type { Bench } from './bench.js';

describe('mock BIG-IP: pools with monitors', () => {
  let bench: Bench;
  let dataPlane: TclDataPlane;
  let server: Server;
  let port: number;
  let clock: FakeClock;

  async function listen(): Promise<void> {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  }
  beforeEach(async () => {
    port = 0;
    // The management certificate is judged by the real hour.
    clock = new FakeClock(new Date());
    await listen();
    dataPlane = new TclDataPlane({
      bindHost: '127.0.0.1',
      hostname: 'bigip1',
      clock,
      logger: silentLogger(),
      log: () => undefined,
    });
    bench = await startBench({ dataPlane, clock });
  });
  afterEach(async () => {
    await bench.close();
    if (server.listening) server.close();
  });

  async function make(path: string, body: JsonObject): Promise<void> {
    const answer = await bench.client.post(`/mgmt/tm/ltm/${path}`, body);
    assert.equal(answer.status, 200, answer.text);
  }
  async function pool(monitor?: string): Promise<void> {
    await make('pool', {
      name: 'p',
      ...(monitor === undefined ? {} : { monitor }),
      members: [{ name: `127.0.0.1:${port}`, address: '127.0.0.1' }],
    });
    await make('virtual', {
      name: 'v',
      destination: '192.0.2.1:0',
      ipProtocol: 'tcp',
      profiles: ['tcp'],
      pool: 'p',
    });
  }
  const member = async () => {
    const { json } = await bench.client.get('/mgmt/tm/ltm/pool/p/members');
    return (json['items'] as readonly JsonObject[])[0] ?? {};
  };
  /** Availability and reason of something, from its statistics. */
  async function status(path: string): Promise<readonly unknown[]> {
    const { json } = await bench.client.get(`/mgmt/tm/ltm/${path}/stats`);
    const [entry] = Object.values(json['entries'] as JsonObject) as readonly JsonObject[];
    assert.ok(entry !== undefined);
    const entries = (entry['nestedStats'] as JsonObject)['entries'] as JsonObject;
    const said = (name: string) => (entries[`status.${name}`] as JsonObject)['description'];
    return [said('availabilityState'), said('statusReason')];
  }
  /** What a client of the virtual server hears back, or how it fails. */
  async function call(): Promise<string> {
    const place = dataPlane.listeningAt('/Common/v');
    assert.ok(place !== undefined);
    const socket = connect(place);
    let data = '';
    socket.on('data', (chunk: Buffer) => (data += chunk.toString()));
    socket.end('hi');
    try {
      await once(socket, 'close');
      return data;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  }

  it('come up, go down with their servers, and come back', async () => {
    await make('monitor/tcp', { name: 'quick', defaultsFrom: '/Common/tcp' });
    await pool('/Common/quick');
    await until(async () => (await member())['state'] === 'up');
    assert.equal((await member())['session'], 'monitor-enabled');
    assert.deepEqual(await status('pool/p'), ['available', 'The pool is available']);
    assert.deepEqual(await status('virtual/v'), ['available', 'The virtual server is available']);
    assert.equal(await call(), 'hi');

    server.close();
    await clock.advance(5_000);
    await until(async () => (await member())['state'] === 'down');
    assert.deepEqual(await status('pool/p'), ['offline', 'The children pool member(s) are down']);
    assert.equal((await status('virtual/v'))[0], 'offline');
    const [availability, reason] = await status(`pool/p/members/~Common~127.0.0.1:${port}`);
    assert.equal(availability, 'offline');
    assert.match(String(reason), /^\/Common\/quick: Unable to connect @\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\. $/);
    assert.equal(await call(), 'ECONNRESET', 'nobody is there to take it');

    await listen();
    await clock.advance(5_000);
    await until(async () => (await member())['state'] === 'up');
    assert.equal(await call(), 'hi');
  });

  it('without a monitor take connections unchecked', async () => {
    await pool();
    assert.deepEqual([(await member())['state'], (await member())['session']], ['unchecked', 'user-enabled']);
    assert.deepEqual(await status(`pool/p/members/~Common~127.0.0.1:${port}`), [
      'unknown',
      'Pool member does not have service checking enabled',
    ]);
    assert.equal(await call(), 'hi');
  });

  it('that only ICMP looks after take connections unchecked', async () => {
    await pool('/Common/gateway_icmp');
    assert.deepEqual(
      [(await member())['state'], (await member())['session']],
      ['unchecked', 'monitor-enabled'],
    );
    assert.equal(await call(), 'hi');
  });

  it('are asked at the place that the monitor names', async () => {
    await make('monitor/tcp', { name: 'elsewhere', destination: '127.0.0.1:1' });
    await pool('/Common/elsewhere');
    await until(async () => (await member())['state'] === 'down');
    assert.equal(await call(), 'ECONNRESET', 'it would serve, but it is down');
    await bench.client.patch('/mgmt/tm/ltm/pool/p', { monitor: 'none' });
    assert.equal((await member())['state'], 'unchecked');
    assert.equal(await call(), 'hi');
  });
});
