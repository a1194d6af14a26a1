import assert from 'node:assert/strict';
import { EventEmitter, getEventListeners, once } from 'node:events';
import { inspect } from 'node:util';
import { createLogger, silentLogger } from '../../../src/log.js';
import { Secret } from '../../../src/secret.js';
import { systemClock } from '../../../src/clock.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import type { RequestRecord } from '../../../src/icontrol/request.js';
import { FakeClock } from '../../support/fake-clock.js';
import { advanceUntil, ScriptedDevice, token } from './scripted-device.js';
import type { Script } from './scripted-device.js';

const read = { method: 'GET', path: '/mgmt/tm/ltm/pool' } as const;
const write = {
  method: 'POST',
  path: '/mgmt/tm/ltm/pool',
  body: { name: 'x', secret: 'body of mine' },
} as const;

describe('IControlClient', () => {
  let device: ScriptedDevice;
  const start = async (script: Script): Promise<void> => {
    device = await ScriptedDevice.start(script);
  };
  afterEach(() => device.stop());

  it('keeps one connection for many requests', async () => {
    await start(({ path }) => (path === read.path ? { status: 200, json: {} } : undefined));
    const client = device.client();
    for (let call = 0; call < 30; call += 1) await client.request(read);
    assert.equal(device.connections, 1);
    assert.equal(device.logins, 1);
  });

  it('leaves nothing with the signals that it was given, when requests have ended', async () => {
    await start(({ path }) => (path === read.path ? { status: 200, json: {} } : undefined));
    const [ofClient, ofCaller] = [new AbortController().signal, new AbortController().signal];
    const client = device.client({ signal: ofClient });
    for (let call = 0; call < 5; call += 1) await client.request({ ...read, signal: ofCaller });
    for (const signal of [ofClient, ofCaller]) {
      assert.deepEqual(getEventListeners(signal, 'abort'), []);
      // AbortSignal.any leaves a mark on them, out of sight of listeners.
      const marks = Object.getOwnPropertySymbols(signal).map(({ description }) => description);
      assert.ok(!marks.includes('kDependantSignals'), marks.join());
    }
  });

  it('asks for one thing at a time', async () => {
    let atOnce = 0;
    let most = 0;
    await start(async ({ path }) => {
      if (path !== read.path) return undefined;
      most = Math.max(most, (atOnce += 1));
      await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
      return { status: 200, json: {} };
    });
    const client = device.client();
    await Promise.all(Array.from({ length: 8 }, () => client.request(read)));
    assert.equal(most, 1);
  });

  it('gives a device that answers 503 a second before the next request', async () => {
    const clock = new FakeClock();
    const seenAtMs: number[] = [];
    await start(({ path }) => {
      if (path !== write.path) return undefined;
      seenAtMs.push(clock.now().getTime());
      return { status: 503, html: '<title>Configuration Utility restarting...</title>' };
    });
    const client = device.client({ clock });
    await assert.rejects(client.request(write), { code: 'MESH_ERR_DEVICE_NOT_READY' });
    const next = client.request(write);
    await Promise.all([assert.rejects(next), advanceUntil(clock, next)]);
    const [first = 0, second = 0] = seenAtMs;
    assert.equal(second - first >= 1000, true);
  });

  it('ends a body that drips by the deadline of the call', async () => {
    const clock = new FakeClock();
    const drip = new EventEmitter();
    const begun = once(drip, 'begun');
    await start(({ path }) =>
      path === write.path
        ? (response) => {
            response.writeHead(200, { 'Content-Type': 'application/json' });
            response.write('{"');
            drip.emit('begun');
          }
        : undefined,
    );
    const call = device.client({ clock, timeoutMs: 65_000 }).request(write);
    const refused = assert.rejects(call, {
      code: 'MESH_ERR_DEVICE_TIMEOUT',
      message: /did not answer within 65 s/,
      outcomeUnknown: true,
    });
    await begun;
    await clock.advance(64_999);
    await clock.advance(1);
    await refused;
  });

  it("gives up with the caller's own reason, whatever it waits for", async () => {
    for (const waitAt of ['/mgmt/shared/authn/login', read.path]) {
      const stop = new AbortController();
      const answers = new EventEmitter();
      const released = once(answers, 'release').then(() => undefined);
      await start(({ path }) => {
        if (path === waitAt) stop.abort(new Error('stopping'));
        return path === waitAt ? released : undefined;
      });
      const client = device.client();
      await assert.rejects(client.request({ ...read, signal: stop.signal }), { message: 'stopping' });
      answers.emit('release');
      await client.close();
      // The login went on for others, so its token had to be deleted.
      assert.equal(device.asked.at(-1)?.method, 'DELETE');
      await device.stop();
    }
  });

  it('does not follow a redirect, which would carry the token elsewhere', async () => {
    await start(({ path }) =>
      path === read.path
        ? (response) => response.writeHead(302, { Location: '/mgmt/tm/other' }).end()
        : undefined,
    );
    await assert.rejects(device.client().request(read), { code: 'MESH_ERR_DEVICE_PROTOCOL', status: 302 });
    assert.deepEqual(device.calls, ['GET /mgmt/tm/ltm/pool']);
  });

  it('takes no notice of a proxy in the environment', async () => {
    await start(() => ({ status: 200, json: { token: { token } } }));
    const before = process.env['https_proxy'];
    process.env['https_proxy'] = 'http://127.0.0.1:9';
    try {
      await device.client().request(read);
    } finally {
      if (before === undefined) delete process.env['https_proxy'];
      else process.env['https_proxy'] = before;
    }
  });

  it('says that nobody is there, and that nothing was done, when the port is closed', async () => {
    await start(() => undefined);
    const { url } = device;
    await device.stop();
    await start(() => undefined);
    const clock = new FakeClock();
    const call = device.client({ url, clock }).request(write);
    await Promise.all([
      assert.rejects(call, {
        code: 'MESH_ERR_DEVICE_UNREACHABLE',
        message: /ECONNREFUSED/,
        outcomeUnknown: false,
      }),
      advanceUntil(clock, call),
    ]);
  });

  it('shows neither token, password nor body, however it fails and wherever it is printed', async () => {
    const failures: Script[] = [
      ({ path }) => (path === write.path ? 'reset' : undefined),
      ({ path }) => (path === write.path ? { status: 400, html: 'body of mine' } : undefined),
      ({ path }) =>
        path.startsWith('/mgmt/shared/authn')
          ? { status: 401, json: { message: 'Authentication failed.' } }
          : undefined,
      ({ path }) =>
        path.startsWith('/mgmt/shared/authz')
          ? 'reset'
          : path === write.path
            ? { status: 500, json: {} }
            : undefined,
    ];
    for (const failure of failures) {
      await start(failure);
      const lines: string[] = [];
      const logger = createLogger('trace', { write: (line: string) => void lines.push(line) });
      const records: RequestRecord[] = [];
      const client = device.client({ logger, onRequest: (record) => records.push(record) });
      const error: unknown = await client.request(write).catch((thrown: unknown) => thrown);
      assert.equal((error as Error).name, 'AgentError');
      logger.error({ error, err: error, client }, 'failed');
      await client.close();
      const everything = [
        ...lines,
        inspect(error, { depth: 20, showHidden: true }),
        inspect(client, { depth: 20 }),
        JSON.stringify([error, records, client]),
      ].join('\n');
      assert.doesNotMatch(everything, new RegExp(`${token}|correct horse|body of mine`));
      await device.stop();
    }
  });

  it('tells its listener what each request cost', async () => {
    await start(({ path }) => (path === write.path ? { status: 200, json: {} } : undefined));
    const records: RequestRecord[] = [];
    const client = device.client({ onRequest: (record) => records.push(record) });
    await client.request(write);
    await client.close();
    assert.deepEqual(
      records.map(({ method, path, status }) => `${method} ${path} ${status}`),
      [
        'POST /mgmt/shared/authn/login 200',
        'PATCH /mgmt/shared/authz/tokens/[redacted] 200',
        'GET /mgmt/shared/authz/tokens 200',
        'POST /mgmt/tm/ltm/pool 200',
        'DELETE /mgmt/shared/authz/tokens/[redacted] 200',
      ],
    );
    assert.equal(records[3]?.bytesOut, JSON.stringify(write.body).length);
    assert.equal(
      records.every(({ ms }) => ms >= 0),
      true,
    );
  });

  it('closes although the device does not answer any more', async () => {
    const clock = new FakeClock();
    await start(({ path, method }) => {
      if (path === read.path) return { status: 200, json: {} };
      return method === 'DELETE' ? () => undefined : undefined;
    });
    const client = device.client({ clock });
    await client.request(read);
    const closing = client.close();
    await advanceUntil(clock, closing);
    await closing;
  });

  it('refuses an address that is no https origin', async () => {
    await start(() => undefined);
    for (const url of [
      'http://192.0.2.1',
      'https://u:p@192.0.2.1',
      'https://192.0.2.1/path',
      'nonsense',
      '',
    ]) {
      assert.throws(
        () =>
          new IControlClient({
            url,
            credentials: () => Promise.resolve({ username: 'u', password: new Secret('p') }),
            tls: {},
            clock: systemClock,
            logger: silentLogger(),
          }),
        { code: 'MESH_ERR_CONFIG_INVALID' },
      );
    }
  });
});
