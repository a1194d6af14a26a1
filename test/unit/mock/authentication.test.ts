import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, textOf } from '../../../src/mock/json.js';
import type { Json, JsonObject } from '../../../src/mock/json.js';
import { Secret } from '../../../src/secret.js';
import { FakeClock } from '../../support/fake-clock.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';
import { startBench } from './bench.js';
import type { Bench } from './bench.js';
import { differences } from './differences.js';

const probe = '/mgmt/tm/ltm/pool';

function tokenOf(body: JsonObject): JsonObject {
  const { token } = body;
  assert.ok(isJsonObject(token));
  return token;
}

describe('mock BIG-IP: authentication', () => {
  let bench: Bench;
  let clock: FakeClock;

  beforeEach(async () => {
    clock = new FakeClock();
    bench = await startBench({ clock });
  });
  afterEach(() => bench.close());

  it('gives a token of 26 base32 characters that is good for 1200 s', async () => {
    const answer = await bench.client.login();
    const token = tokenOf(answer.json);
    assert.match(textOf(token['token']), /^[A-Z2-7]{26}$/);
    assert.equal(token['name'], token['token']);
    assert.equal(token['timeout'], 1200);
    assert.equal(token['startTime'], '2030-01-01T00:00:00.000+0000');
    assert.equal(token['expirationMicros'], (clock.now().getTime() + 1_200_000) * 1000);
  });

  it('lets a token expire 1200 s after login, however much it is used', async () => {
    await clock.advance(1_199_000);
    assert.equal((await bench.client.get(probe)).status, 200);
    await clock.advance(1_000);
    const answer = await bench.client.get(probe);
    assert.equal(answer.status, 401);
    assert.equal(answer.reason, 'F5 Authorization Required');
    assert.equal(answer.json['message'], 'X-F5-Auth-Token has expired.');
    assert.equal(answer.json['kind'], ':resterrorresponse');
  });

  it('extends a token from its start, by a number or a decimal string', async () => {
    const token = textOf(tokenOf((await bench.client.login()).json)['token']);
    await clock.advance(600_000);
    const answer = await bench.client.patch(`/mgmt/shared/authz/tokens/${token}`, { timeout: '36000' });
    assert.equal(answer.json['timeout'], 36_000);
    assert.equal(answer.json['generation'], 2);
    assert.equal(answer.json['expirationMicros'], Date.parse('2030-01-01T10:00:00Z') * 1000);
    await clock.advance(35_399_000);
    assert.equal((await bench.client.get(probe)).status, 200);
    await clock.advance(1_000);
    assert.equal((await bench.client.get(probe)).status, 401);
  });

  it('answers 406 to more than 36000 s', async () => {
    const token = textOf(tokenOf((await bench.client.login()).json)['token']);
    const answer = await bench.client.patch(`/mgmt/shared/authz/tokens/${token}`, { timeout: 36_001 });
    assert.equal(answer.status, 406);
    assert.equal(answer.json['message'], 'Auth-token absolute timeout (36000 seconds) exceeded');
  });

  it('takes the password, and nothing else, out of the echo of a failed login', async () => {
    const answer = await bench.client.login('admin', 'wrong', 'local');
    assert.equal(answer.status, 401);
    assert.equal(answer.json['message'], 'Authentication failed.');
    assert.equal(
      answer.json['originalRequestBody'],
      '{"username":"admin","loginProviderName":"local","generation":0,"lastUpdateMicros":0}',
    );
    assert.ok(!answer.text.includes('wrong'));
  });

  it('refuses an unknown login provider', async () => {
    const answer = await bench.client.login('admin', 'admin-password', 'ldap');
    assert.equal(answer.status, 401);
    assert.equal(answer.json['message'], 'loginProviderName is invalid.');
  });

  it('tells an unknown token from an expired one, with an error stack', async () => {
    bench.client.useToken('AAAAAAAAAAAAAAAAAAAAAAAAAA');
    const answer = await bench.client.get(probe);
    assert.equal(answer.status, 401);
    assert.equal(answer.json['message'], 'X-F5-Auth-Token does not exist.');
    const stack = answer.json['errorStack'] as readonly string[];
    assert.equal(stack[0], 'java.lang.SecurityException: X-F5-Auth-Token does not exist.');
  });

  it('says where the request went when no credentials came', async () => {
    bench.client.useToken(undefined);
    const answer = await bench.client.get('/mgmt/tm/ltm/virtual');
    assert.equal(answer.status, 401);
    assert.equal(
      answer.json['message'],
      'Authorization failed: no user authentication header or token detected. ' +
        'Uri:http://localhost:8100/mgmt/tm/ltm/virtual Referrer:127.0.0.1 Sender:127.0.0.1',
    );
    const challenges = answer.rawHeaders.filter(
      (_, index) => answer.rawHeaders[index - 1] === 'WWW-Authenticate',
    );
    assert.deepEqual(challenges, ['Basic realm="Enterprise Manager"', 'X-Auth-Token']);
  });

  it('sets both cookies in every answer to Basic credentials', async () => {
    bench.client.useToken(undefined);
    bench.client.useBasic('agent', 'agent-password');
    const answer = await bench.client.get(probe);
    assert.equal(answer.status, 200);
    const cookies = answer.headers['set-cookie'] ?? [];
    assert.match(cookies[0] ?? '', /^BIGIPAuthCookie=\S{40}; path=\/; Secure; HttpOnly; SameSite=Strict$/);
    assert.match(cookies[1] ?? '', /^BIGIPAuthUsernameCookie=agent; path=\//);
  });

  it('takes no Basic credentials once db httpd.basic_auth is disabled', async () => {
    await bench.client.patch('/mgmt/tm/sys/db/httpd.basic_auth', { value: 'disable' });
    bench.client.useToken(undefined);
    bench.client.useBasic('admin', 'admin-password');
    assert.equal((await bench.client.get(probe)).status, 401);
  });

  it('refuses the 101st token of a user other than admin, until one is deleted or expires', async () => {
    for (let count = 0; count < 100; count++) {
      assert.equal((await bench.client.login('agent', 'agent-password')).status, 200);
    }
    const refused = await bench.client.login('agent', 'agent-password');
    assert.equal(refused.status, 400);
    assert.equal(refused.json['message'], 'user agent has reached maximum active login tokens');
    assert.equal((await bench.client.delete('/mgmt/shared/authz/tokens')).status, 200);
    assert.equal((await bench.client.login('agent', 'agent-password')).status, 200);
    for (let count = 0; count < 150; count++) assert.equal((await bench.client.login()).status, 200);
  });

  it('lets a user see and delete only its own tokens', async () => {
    const foreign = textOf(tokenOf((await bench.client.login()).json)['token']);
    await bench.client.login('agent', 'agent-password');
    assert.equal((await bench.client.delete(`/mgmt/shared/authz/tokens/${foreign}`)).status, 404);
    const own = (await bench.client.get('/mgmt/shared/authz/tokens')).json['items'] as readonly JsonObject[];
    assert.deepEqual(
      own.map((token) => token['userName']),
      ['agent'],
    );
    const name = textOf(own[0]?.['name']);
    assert.equal((await bench.client.delete(`/mgmt/shared/authz/tokens/${name}`)).status, 200);
    assert.equal((await bench.client.get(probe)).status, 401);
  });

  describe('beside the recordings', () => {
    const folder = sharedData('icontrol-fixtures');
    before(function () {
      if (folder === undefined)
        skipBecause(this, 'no recorded answers beside the checkout (icontrol-fixtures)');
    });
    const fixture = (name: string) =>
      JSON.parse(readFileSync(join(folder ?? '', `${name}.json`), 'utf8')) as Json;
    const values = new Set([
      'token',
      'name',
      'userName',
      'username',
      'user',
      'startTime',
      'address',
      'lastUpdateMicros',
      'expirationMicros',
      'selfLink',
      'referer',
      'restOperationId',
      'errorStack',
    ]);
    const leeway = { anyValue: values, ignored: new Set<string>() };

    it('answers a login as recorded, for both providers', async () => {
      const tmos = (await bench.client.login()).json;
      assert.deepEqual(
        sorted(differences(tokenOf(fixture('auth-login-200-tmos') as JsonObject), tokenOf(tmos), leeway)),
        [],
      );
      const local = (await bench.client.login('admin', 'admin-password', 'local')).json;
      const recorded = fixture('auth-login-200-local') as JsonObject;
      assert.deepEqual(differences(recorded, local, leeway), []);
      assert.deepEqual(differences(tokenOf(recorded), tokenOf(local), leeway), []);
    });

    it('answers an extension as recorded', async () => {
      const token = textOf(tokenOf((await bench.client.login()).json)['token']);
      const answer = await bench.client.patch(`/mgmt/shared/authz/tokens/${token}`, { timeout: '36000' });
      assert.deepEqual(differences(fixture('auth-token-patch-timeout-200'), answer.json, leeway), []);
    });

    it('answers failed logins and dead tokens as recorded', async () => {
      const failed = await bench.client.login('admin', 'wrong', 'local');
      assert.deepEqual(differences(fixture('error-401-login-bad-password'), failed.json, leeway), []);
      bench.client.useToken('AAAAAAAAAAAAAAAAAAAAAAAAAA');
      const unknown = await bench.client.get(probe);
      assert.deepEqual(differences(fixture('error-401-token-unknown'), unknown.json, leeway), []);
      await bench.client.login();
      await clock.advance(1_200_000);
      const expired = await bench.client.get(probe);
      assert.deepEqual(differences(fixture('error-401-token-expired'), expired.json, leeway), []);
    });
  });

  it('keeps no password and no body in the history of requests', async () => {
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'p', description: 'a-body' });
    const history = JSON.stringify(bench.device.requests);
    assert.ok(!history.includes('admin-password') && !history.includes('a-body'));
    const last = bench.device.requests.at(-1);
    assert.deepEqual([last?.method, last?.path, last?.status], ['POST', '/mgmt/tm/ltm/pool', 200]);
    assert.ok((last?.bytesIn ?? 0) > 10);
  });
});

describe('mock BIG-IP: roles', () => {
  let bench: Bench;

  before(async () => {
    bench = await startBench({
      users: [
        { name: 'admin', password: new Secret('admin-password') },
        { name: 'test', password: new Secret('guest-password'), role: 'guest' },
        { name: 'mesh', password: new Secret('mesh-password'), role: 'manager', partition: 'mesh' },
      ],
    });
    await bench.client.post('/mgmt/tm/auth/partition', { name: 'mesh' });
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'p', members: [{ name: '10.0.0.1:80' }] });
  });
  after(() => bench.close());

  it('refuses the writes of a guest with 400 and 01070822, not 403', async () => {
    await bench.client.login('test', 'guest-password');
    const path = '/mgmt/tm/ltm/pool/~Common~p/members/~Common~10.0.0.1:80';
    const answer = await bench.client.patch(path, { session: 'user-disabled' });
    assert.equal(answer.status, 400);
    assert.equal(
      answer.json['message'],
      '01070822:3: Access Denied: user (test) does not have modify access to object (pool_member)',
    );
    assert.equal((await bench.client.get(path)).status, 200);
  });

  it('lets a manager write in its partition, except for the metadata of virtual servers', async () => {
    await bench.client.login('mesh', 'mesh-password');
    const virtual = { name: 'v', partition: 'mesh', destination: '192.0.2.1:80', profiles: ['tcp'] };
    const metadata = [{ name: 'owner', value: 'agent' }];
    const refused = await bench.client.post('/mgmt/tm/ltm/virtual', { ...virtual, metadata });
    assert.match(textOf(refused.json['message']), /create access to object \(virtual_server_metadata\)$/);
    assert.equal(
      (await bench.client.post('/mgmt/tm/ltm/virtual', { ...virtual, description: 'agent' })).status,
      200,
    );
    assert.equal((await bench.client.post('/mgmt/tm/ltm/pool', { name: 'q' })).status, 400);
    assert.equal((await bench.client.post('/mgmt/tm/auth/partition', { name: 'other' })).status, 400);
  });
});

/** Members of the recorded login stand in another order, since its source sorted them. */
function sorted(found: readonly string[]): readonly string[] {
  return found.filter((difference) => !difference.includes(': order '));
}
