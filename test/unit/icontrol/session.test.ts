import assert from 'node:assert/strict';
import { tokenMark } from '../../../src/icontrol/login-token.js';
import { Secret } from '../../../src/secret.js';
import { FakeClock } from '../../support/fake-clock.js';
import { advanceUntil, ScriptedDevice, token } from './scripted-device.js';
import type { Reply, Script } from './scripted-device.js';

const version: Reply = {
  status: 200,
  json: {
    entries: {
      'https://localhost/mgmt/tm/sys/version/0': {
        nestedStats: { entries: { Version: { description: '16.1.3.3' }, Build: { description: '0.0.3' } } },
      },
    },
  },
};

function unauthorised(message: string): Reply {
  return { status: 401, json: { code: 401, message, restOperationId: 1, kind: ':resterrorresponse' } };
}

const lacksHeader = unauthorised(
  'Authorization failed: no user authentication header or token detected. Uri:http://localhost:8100/mgmt/tm/sys/version Referrer:10.0.0.1 Sender:10.0.0.1',
);

/** Answers each look at the version by the next of these. */
const versions = (...replies: Reply[]): Script => {
  return ({ path }) => (path === '/mgmt/tm/sys/version' ? replies.shift() : undefined);
};

describe('Session', () => {
  let device: ScriptedDevice;
  const start = async (script: Script): Promise<void> => {
    device = await ScriptedDevice.start(script);
  };
  afterEach(() => device.stop());

  it('logs in once for many requests, marks the token, and deletes it at the end', async () => {
    await start(({ path }) => (path === '/mgmt/tm/sys/version' ? version : undefined));
    const client = device.client({ holder: 'mesh-agent-0' });
    await Promise.all([1, 2, 3].map(() => client.system.observeVersion()));
    await client.close();
    const lines = device.asked.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(lines, [
      'POST /mgmt/shared/authn/login',
      `PATCH /mgmt/shared/authz/tokens/${token}`,
      'GET /mgmt/shared/authz/tokens',
      'GET /mgmt/tm/sys/version',
      'GET /mgmt/tm/sys/version',
      'GET /mgmt/tm/sys/version',
      `DELETE /mgmt/shared/authz/tokens/${token}`,
    ]);
    assert.deepEqual(device.asked[0]?.json, {
      username: 'mesh',
      password: 'correct horse',
      loginProviderName: 'tmos',
    });
    assert.deepEqual(device.asked[1]?.json, { timeout: 1200 + tokenMark('mesh-agent-0') });
    assert.equal(device.asked[3]?.headers['x-f5-auth-token'], token);
    assert.equal(device.asked[3]?.headers.authorization, undefined);
  });

  it('logs in again when the device has forgotten or expired the token, and repeats the call', async () => {
    for (const message of ['X-F5-Auth-Token has expired.', 'X-F5-Auth-Token does not exist.']) {
      await start(versions(unauthorised(message), version));
      assert.equal((await device.client().system.observeVersion()).version, '16.1.3.3');
      assert.equal(device.logins, 2);
      await device.stop();
    }
  });

  it('gives up when a fresh token is refused as well', async () => {
    await start(versions(...Array(20).fill(unauthorised('X-F5-Auth-Token does not exist.'))));
    const client = device.client();
    await assert.rejects(client.request({ method: 'POST', path: '/mgmt/tm/sys/version', body: {} }), {
      code: 'MESH_ERR_DEVICE_UNAUTHENTICATED',
    });
    assert.equal(device.logins, 2);
  });

  it('repeats a call once, unchanged, when the device overlooks the token', async () => {
    await start(versions(lacksHeader, version));
    assert.equal((await device.client().system.observeVersion()).version, '16.1.3.3');
    assert.equal(device.logins, 1);
    assert.equal(device.calls.length, 2);
  });

  it('repeats a login once when the device overlooks that too', async () => {
    let first = true;
    await start(({ path }) => {
      if (path === '/mgmt/tm/sys/version') return version;
      if (path !== '/mgmt/shared/authn/login' || !first) return undefined;
      first = false;
      return lacksHeader;
    });
    await device.client().system.observeVersion();
    assert.equal(device.logins, 2);
  });

  it('tries a wrong password twice, then not again until the credentials change', async () => {
    let password = 'wrong';
    await start(({ path, json }) => {
      if (path === '/mgmt/tm/sys/version') return version;
      return path === '/mgmt/shared/authn/login' && json['password'] === 'wrong'
        ? unauthorised('Authentication failed.')
        : undefined;
    });
    const client = device.client({
      credentials: () => Promise.resolve({ username: 'mesh', password: new Secret(password) }),
    });
    for (let call = 1; call <= 4; call += 1) {
      await assert.rejects(client.system.observeVersion(), {
        code: 'MESH_ERR_DEVICE_AUTH_FAILED',
        consequence: 'refused',
      });
      assert.equal(device.logins, Math.min(call, 2));
    }
    password = 'correct';
    assert.equal((await client.system.observeVersion()).version, '16.1.3.3');
    assert.equal(device.logins, 3);
  });

  it('takes the HTML page of version 12 for a refused password', async () => {
    await start(({ path }) =>
      path === '/mgmt/shared/authn/login'
        ? { status: 401, html: '<html><title>Authentication required!</title></html>' }
        : undefined,
    );
    await assert.rejects(device.client().system.observeVersion(), {
      code: 'MESH_ERR_DEVICE_AUTH_FAILED',
      message: /Authentication required!/,
    });
    assert.equal(device.logins, 1);
  });

  it('says what to do about a user who holds too many tokens, and does not hammer', async () => {
    await start(({ path }) =>
      path === '/mgmt/shared/authn/login'
        ? {
            status: 400,
            json: {
              code: 400,
              message: 'user mesh has reached maximum active login tokens',
              kind: ':resterrorresponse',
            },
          }
        : undefined,
    );
    await assert.rejects(device.client().system.observeVersion(), {
      code: 'MESH_ERR_DEVICE_TOKEN_LIMIT',
      nextStep: /1787517/,
      transient: true,
    });
    assert.equal(device.logins, 1);
  });

  it('tries a login again while the device starts', async () => {
    const clock = new FakeClock();
    const starting: Reply[] = [
      { status: 503, html: '<html><title>Configuration Utility restarting...</title></html>' },
      { status: 200, html: '<html>please wait</html>' },
    ];
    await start(({ path }) => {
      if (path === '/mgmt/tm/sys/version') return version;
      return path === '/mgmt/shared/authn/login' ? starting.shift() : undefined;
    });
    const seen = device.client({ clock }).system.observeVersion();
    await advanceUntil(clock, seen);
    assert.equal((await seen).version, '16.1.3.3');
    assert.equal(device.logins, 3);
  });

  it('extends a token by twenty minutes at a time, and replaces it after ten hours', async () => {
    const clock = new FakeClock();
    await start(({ path }) => (path === '/mgmt/tm/sys/version' ? version : undefined));
    const client = device.client({ clock, holder: 'mesh-agent-0' });
    for (let minute = 0; minute < 570; minute += 10) {
      await client.system.observeVersion();
      await clock.advance(600_000);
    }
    const timeouts = device.asked
      .filter(({ method }) => method === 'PATCH')
      .map(({ json }) => json['timeout']);
    const mark = tokenMark('mesh-agent-0');
    assert.deepEqual(
      timeouts,
      timeouts.map((_, index) => 1200 * (index + 1) + mark),
    );
    assert.ok(timeouts.length >= 27, String(timeouts.length));
    assert.equal(device.logins, 1);
    await clock.advance(1800_000);
    await client.system.observeVersion();
    assert.equal(device.logins, 2);
  });

  it('replaces a token before it ends, also one that could not be extended', async () => {
    const clock = new FakeClock();
    await start(({ path, method }) => {
      if (path === '/mgmt/tm/sys/version') return version;
      return method === 'PATCH' ? { status: 406, json: { code: 406, message: 'no' } } : undefined;
    });
    const client = device.client({ clock });
    await client.system.observeVersion();
    await clock.advance(1000_000);
    await client.system.observeVersion();
    assert.equal(device.logins, 1);
    await clock.advance(100_000);
    await client.system.observeVersion();
    assert.equal(device.logins, 2);
  });

  it('uses basic authentication only when asked to, and stops after two refusals', async () => {
    let replies: Reply[] = [version];
    await start(({ path }) => (path === '/mgmt/tm/sys/version' ? (replies.shift() ?? version) : undefined));
    const client = device.client({ authentication: 'basic' });
    await client.system.observeVersion();
    assert.equal(device.logins, 0);
    assert.equal(
      device.asked[0]?.headers.authorization,
      `Basic ${Buffer.from('mesh:correct horse').toString('base64')}`,
    );
    replies = Array<Reply>(3).fill(unauthorised('Authentication failed.'));
    for (let call = 0; call < 4; call += 1) {
      await assert.rejects(client.system.observeVersion(), { code: 'MESH_ERR_DEVICE_AUTH_FAILED' });
    }
    assert.equal(device.asked.length, 3);
  });

  it('deletes the token although the agent is being stopped', async () => {
    await start(({ path }) => (path === '/mgmt/tm/sys/version' ? version : undefined));
    const stop = new AbortController();
    const client = device.client({ signal: stop.signal });
    await client.system.observeVersion();
    stop.abort(new Error('stopping'));
    await assert.rejects(client.system.observeVersion(), { message: 'stopping' });
    await client.close();
    assert.equal(device.asked.at(-1)?.method, 'DELETE');
  });
});
