import assert from 'node:assert/strict';
import { textOf } from '../../../src/mock/json.js';
import type { JsonObject } from '../../../src/mock/json.js';
import { startBench } from './bench.js';
import type { Bench } from './bench.js';

const names = (body: JsonObject) => (body['items'] as readonly JsonObject[]).map((item) => item['fullPath']);

describe('mock BIG-IP: resources', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
  });
  afterEach(() => bench.close());

  async function made(kind: string, body: JsonObject): Promise<JsonObject> {
    const answer = await bench.client.post(`/mgmt/tm/${kind}`, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  }

  it('finds an object of /Common by its full and by its bare name', async () => {
    await made('ltm/pool', { name: 'p' });
    assert.equal((await bench.client.get('/mgmt/tm/ltm/pool/~Common~p')).status, 200);
    assert.equal((await bench.client.get('/mgmt/tm/ltm/pool/p')).status, 200);
  });

  it('puts a folder into name, subPath and URL, and a route domain’s % into %25', async () => {
    await made('sys/folder', { name: 'app', partition: 'Common' });
    const pool = await made('ltm/pool', { name: '/Common/app/p' });
    assert.deepEqual(
      [pool['name'], pool['partition'], pool['subPath'], pool['fullPath']],
      ['p', 'Common', 'app', '/Common/app/p'],
    );
    assert.match(textOf(pool['selfLink']), /\/ltm\/pool\/~Common~app~p\?ver=17\.1\.2\.1$/);
    const node = await made('ltm/node', { name: '192.168.1.10%10', address: '192.168.1.10%10' });
    assert.match(textOf(node['selfLink']), /~Common~192\.168\.1\.10%2510\?ver/);
    assert.equal((await bench.client.get('/mgmt/tm/ltm/node/~Common~192.168.1.10%2510')).status, 200);
    assert.equal((await bench.client.get('/mgmt/tm/ltm/node/~Common~192.168.1.10')).status, 404);
  });

  it('PATCH changes what it names, PUT resets the rest, and PUT never creates', async () => {
    await made('ltm/pool', {
      name: 'p',
      description: 'd',
      slowRampTime: 1,
      members: [{ name: '10.0.0.1:80' }],
    });
    const patched = await bench.client.patch('/mgmt/tm/ltm/pool/p', { slowRampTime: 2 });
    assert.deepEqual([patched.json['description'], patched.json['slowRampTime']], ['d', 2]);
    const put = await bench.client.put('/mgmt/tm/ltm/pool/p', { slowRampTime: 3 });
    assert.deepEqual([put.json['description'], put.json['slowRampTime']], [undefined, 3]);
    const missing = await bench.client.put('/mgmt/tm/ltm/pool/q', { description: 'x' });
    assert.equal(missing.status, 404);
    assert.equal(missing.json['message'], '01020036:3: The requested Pool (/Common/q) was not found.');
    const members = await bench.client.get('/mgmt/tm/ltm/pool/p/members');
    assert.deepEqual(names(members.json), ['/Common/10.0.0.1:80']);
  });

  it('a list of members in PATCH replaces them all', async () => {
    await made('ltm/pool', { name: 'p', members: [{ name: '10.0.0.1:80' }, { name: '10.0.0.2:80' }] });
    await bench.client.patch('/mgmt/tm/ltm/pool/p', { members: [{ name: '10.0.0.3:80' }] });
    assert.deepEqual(names((await bench.client.get('/mgmt/tm/ltm/pool/p/members')).json), [
      '/Common/10.0.0.3:80',
    ]);
    const nodes = await bench.client.get('/mgmt/tm/ltm/node');
    assert.equal(names(nodes.json).length, 3, 'their nodes stay behind');
  });

  it('a PUT of what a GET gave is accepted and changes nothing but the generation', async () => {
    await made('ltm/pool', { name: 'p', description: 'd' });
    await made('ltm/rule', { name: 'r', apiAnonymous: 'when CLIENT_ACCEPTED { }' });
    await made('ltm/virtual', {
      name: 'v',
      destination: '10.0.0.1:80',
      profiles: ['tcp'],
      rules: ['r'],
      pool: 'p',
    });
    for (const path of ['ltm/pool/p', 'ltm/rule/r', 'ltm/virtual/v']) {
      const read = (await bench.client.get(`/mgmt/tm/${path}`)).json;
      const written = await bench.client.put(`/mgmt/tm/${path}`, read);
      assert.equal(written.status, 200, written.text);
      const changing = { generation: 0, lastModifiedTime: 0 };
      assert.deepEqual({ ...written.json, ...changing }, { ...read, ...changing });
      assert.ok(Number(written.json['generation']) > Number(read['generation']));
    }
  });

  it('a client SSL profile that is sent back whole is refused, since it shows its pair twice', async () => {
    await made('ltm/profile/client-ssl', { name: 'c', peerCertMode: 'require' });
    const read = (await bench.client.get('/mgmt/tm/ltm/profile/client-ssl/c')).json;
    const answer = await bench.client.put('/mgmt/tm/ltm/profile/client-ssl/c', read);
    assert.match(textOf(answer.json['message']), /^01b4002a:3: /);
    const { cert: _cert, key: _key, chain: _chain, ...rest } = read;
    assert.equal((await bench.client.put('/mgmt/tm/ltm/profile/client-ssl/c', rest)).status, 200);
  });

  it('refuses unknown members and values of the wrong form, in tmsh names', async () => {
    const unknown = await bench.client.post('/mgmt/tm/ltm/pool', { name: 'p', nonsense: 1 });
    assert.deepEqual([unknown.status, unknown.json['apiError']], [400, 26_214_401]);
    const wrong = await bench.client.post('/mgmt/tm/ltm/pool', {
      name: 'p',
      loadBalancingMode: 'least-connections-members',
    });
    assert.equal(wrong.status, 400);
    assert.equal(
      wrong.json['message'],
      'invalid property value "load-balancing-mode":"least-connections-members"',
    );
    const empty = await bench.client.post('/mgmt/tm/ltm/pool', {});
    assert.equal(empty.json['message'], 'one or more properties must be specified');
    assert.equal((await bench.client.patch('/mgmt/tm/ltm/pool/clientssl', {})).status, 404);
  });

  it('reads hyphenated names and answers in camel case', async () => {
    const pool = await made('ltm/pool', { name: 'p', 'slow-ramp-time': 7 });
    assert.equal(pool['slowRampTime'], 7);
    assert.ok(!('slow-ramp-time' in pool));
    const profile = await made('ltm/profile/client-ssl', {
      name: 'c',
      options: ['no-tlsv1.1', 'no-tlsv1.3'],
    });
    assert.equal(profile['tmOptions'], '{ no-tlsv1.1 no-tlsv1.3 }');
  });

  async function written(tmOptions: string | readonly string[]): Promise<unknown> {
    return (await bench.client.patch('/mgmt/tm/ltm/profile/client-ssl/c', { tmOptions })).json['tmOptions'];
  }

  it('spells tmOptions in four ways', async () => {
    const profile = await made('ltm/profile/client-ssl', { name: 'c' });
    assert.equal(profile['tmOptions'], '{ dont-insert-empty-fragments no-tlsv1.3 no-dtlsv1.2 }');
    assert.equal(await written(['no-tlsv1.3']), 'no-tlsv1.3');
    assert.equal(await written([]), 'none');
    assert.equal(await written('{ no-sslv3 no-tlsv1 }'), '{ no-sslv3 no-tlsv1 }');
    const old = await startBench({ tmosVersion: '13.1' });
    try {
      const answer = await old.client.get('/mgmt/tm/ltm/profile/client-ssl/clientssl');
      assert.deepEqual(answer.json['tmOptions'], ['dont-insert-empty-fragments']);
      const refused = await old.client.patch('/mgmt/tm/ltm/profile/client-ssl/clientssl', {
        tmOptions: ['no-tlsv1.3'],
      });
      assert.equal(refused.status, 400);
    } finally {
      await old.close();
    }
  });

  it('profiles inherit what they do not set, also later', async () => {
    await made('ltm/profile/client-ssl', { name: 'parent', peerCertMode: 'request' });
    await made('ltm/profile/client-ssl', { name: 'child', defaultsFrom: '/Common/parent', cacheSize: 0 });
    await bench.client.patch('/mgmt/tm/ltm/profile/client-ssl/parent', {
      peerCertMode: 'require',
      cacheSize: 7,
    });
    const child = (await bench.client.get('/mgmt/tm/ltm/profile/client-ssl/child')).json;
    assert.deepEqual([child['peerCertMode'], child['cacheSize']], ['require', 0]);
    assert.equal(child['inheritCertkeychain'], 'true');
  });

  it('filters by partition, folders included, selects members and pages', async () => {
    await made('auth/partition', { name: 'mesh' });
    await made('sys/folder', { name: '/mesh/app' });
    for (const name of ['/mesh/a', '/mesh/app/b', '/Common/c']) await made('ltm/pool', { name });
    const filtered = await bench.client.get(
      '/mgmt/tm/ltm/pool?$filter=partition%20eq%20mesh&$select=fullPath',
    );
    assert.deepEqual(filtered.json['items'], [{ fullPath: '/mesh/a' }, { fullPath: '/mesh/app/b' }]);
    assert.match(
      textOf(filtered.json['selfLink']),
      /\?%24filter=partition\+eq\+mesh&%24select=fullPath&ver=/,
    );
    const page = await bench.client.get('/mgmt/tm/ltm/pool?$top=2');
    assert.deepEqual(names(page.json), ['/Common/c', '/mesh/a']);
    const next = new URL(textOf(page.json['nextLink']));
    const rest = await bench.client.get(`${next.pathname}${next.search}`);
    assert.deepEqual(names(rest.json), ['/mesh/app/b']);
    assert.ok(!('nextLink' in rest.json));
  });

  it('an empty collection shows no items before 14, and an empty list later', async () => {
    assert.deepEqual((await bench.client.get('/mgmt/tm/ltm/pool')).json['items'], []);
    const old = await startBench({ tmosVersion: '13.1' });
    try {
      assert.ok(!('items' in (await old.client.get('/mgmt/tm/ltm/pool')).json));
    } finally {
      await old.close();
    }
  });

  it('inlines subcollections on demand', async () => {
    await made('ltm/pool', { name: 'p', members: [{ name: '10.0.0.1:80', description: 'm' }] });
    const answer = await bench.client.get('/mgmt/tm/ltm/pool?expandSubcollections=true');
    const [pool] = answer.json['items'] as readonly JsonObject[];
    const reference = pool?.['membersReference'] as JsonObject;
    const [member] = reference['items'] as readonly JsonObject[];
    assert.equal(member?.['description'], 'm');
    assert.match(textOf(answer.json['selfLink']), /\?expandSubcollections=true&ver=/);
  });

  it('an empty list unsets, and the member is gone', async () => {
    await made('ltm/rule', { name: 'r' });
    await made('ltm/virtual', { name: 'v', destination: '10.0.0.1:80', profiles: ['tcp'], rules: ['r'] });
    const cleared = await bench.client.patch('/mgmt/tm/ltm/virtual/v', { rules: [] });
    assert.ok(!('rules' in cleared.json));
    assert.equal((await bench.client.delete('/mgmt/tm/ltm/rule/r')).status, 200);
  });

  it('enables and disables by a pair of flags', async () => {
    await made('ltm/virtual', { name: 'v', destination: '10.0.0.1:80', profiles: ['tcp'] });
    const off = await bench.client.patch('/mgmt/tm/ltm/virtual/v', { disabled: true });
    assert.deepEqual([off.json['enabled'], off.json['disabled']], [undefined, true]);
    const on = await bench.client.patch('/mgmt/tm/ltm/virtual/v', { enabled: true });
    assert.deepEqual([on.json['enabled'], on.json['disabled']], [true, undefined]);
  });

  it('shows the state of members as users and monitors leave it', async () => {
    await made('ltm/pool', { name: 'p', members: [{ name: '10.0.0.1:80' }] });
    const path = '/mgmt/tm/ltm/pool/~Common~p/members/~Common~10.0.0.1:80';
    const shown = async (change?: JsonObject) => {
      const { state, session } = (
        change === undefined ? await bench.client.get(path) : await bench.client.patch(path, change)
      ).json;
      return [state, session];
    };
    assert.deepEqual(await shown(), ['unchecked', 'user-enabled']);
    assert.deepEqual(await shown({ state: 'user-down', session: 'user-disabled' }), [
      'user-down',
      'user-disabled',
    ]);
    assert.deepEqual(await shown({ state: 'user-up', session: 'user-disabled' }), [
      'unchecked',
      'user-disabled',
    ]);
    assert.deepEqual(await shown({ state: 'user-up', session: 'user-enabled' }), [
      'unchecked',
      'user-enabled',
    ]);
  });

  it('names IPv6 members and destinations with a dot before the port', async () => {
    await made('ltm/pool', { name: 'p', members: [{ name: '2001:db8::5.9000' }] });
    const members = await bench.client.get('/mgmt/tm/ltm/pool/p/members');
    const [member] = members.json['items'] as readonly JsonObject[];
    assert.equal(member?.['address'], '2001:db8::5');
    const virtual = await made('ltm/virtual', {
      name: 'v',
      destination: '2001:db8::1.80',
      profiles: ['tcp'],
    });
    assert.deepEqual([virtual['destination'], virtual['source']], ['/Common/2001:db8::1.80', '::/0']);
  });

  it('organizing levels list links, and unknown ones are not registered', async () => {
    const ltm = (await bench.client.get('/mgmt/tm/ltm')).json;
    assert.equal(ltm['kind'], 'tm:ltm:ltmcollectionstate');
    assert.equal(ltm['selfLink'], 'https://localhost/mgmt/tm/ltm?ver=17.1.2.1');
    const unknown = await bench.client.get('/mgmt/tm/nonsense/~Common~x');
    assert.equal(unknown.status, 404);
    assert.equal(unknown.json['message'], 'Public URI path not registered: /tm/nonsense/?Common?x');
    assert.equal(unknown.json['kind'], ':resterrorresponse');
  });

  it('tells a read of a missing member from a write of one', async () => {
    await made('ltm/pool', { name: 'POOL' });
    const path = '/mgmt/tm/ltm/pool/~Common~POOL/members/~Common~1.1.1.1:80';
    const read = await bench.client.get(path);
    assert.deepEqual(
      [read.status, read.json['message'], read.json['apiError']],
      [404, 'Object not found - /Common/1.1.1.1:80', 1],
    );
    const removed = await bench.client.delete(path);
    assert.deepEqual(
      [removed.status, removed.json['message'], removed.json['apiError']],
      [404, '01020036:3: The requested Pool Member (/Common/POOL /Common/1.1.1.1 80) was not found.', 3],
    );
  });

  it('keeps what comes with the device, and its variables in their range', async () => {
    assert.equal((await bench.client.delete('/mgmt/tm/ltm/profile/client-ssl/clientssl')).status, 400);
    assert.equal((await bench.client.delete('/mgmt/tm/ltm/profile/http/http')).status, 400);
    assert.equal((await bench.client.delete('/mgmt/tm/auth/partition/Common')).status, 400);
    assert.equal(
      (await bench.client.patch('/mgmt/tm/sys/db/httpd.basic_auth', { value: 'off' })).status,
      400,
    );
    assert.equal((await bench.client.patch('/mgmt/tm/sys/db/icrd.timeout', { value: '601' })).status, 400);
    assert.equal((await bench.client.patch('/mgmt/tm/sys/db/icrd.timeout', { value: '120' })).status, 200);
  });

  it('a virtual server that is replaced keeps its profiles and their protocol', async () => {
    await made('ltm/virtual', { name: 'v', destination: '10.0.0.1:80', profiles: ['tcp'], description: 'd' });
    const answer = await bench.client.put('/mgmt/tm/ltm/virtual/v', { destination: '10.0.0.1:80' });
    assert.deepEqual(
      [answer.status, answer.json['ipProtocol'], answer.json['description']],
      [200, 'tcp', undefined],
    );
  });

  it('a refused change leaves no trace', async () => {
    const { generation } = await made('ltm/pool', { name: 'p' });
    await bench.client.patch('/mgmt/tm/ltm/pool/p', {
      description: 'x',
      members: [{ name: 'no-address:80' }],
    });
    const after = (await bench.client.get('/mgmt/tm/ltm/pool/p')).json;
    assert.deepEqual([after['generation'], after['description']], [generation, undefined]);
  });

  it('refuses a string of more than 65,535 characters', async () => {
    const answer = await bench.client.post('/mgmt/tm/ltm/rule', {
      name: 'r',
      apiAnonymous: `#${'x'.repeat(65_535)}`,
    });
    assert.equal(
      answer.json['message'],
      '01020057:3: The string with more than 65535 characters cannot be stored in a message.',
    );
    await made('ltm/rule', { name: 'r', apiAnonymous: `#${'x'.repeat(65_534)}` });
  });

  it('without a data plane, refuses a rule whose braces do not match', async () => {
    const answer = await bench.client.post('/mgmt/tm/ltm/rule', {
      name: 'r',
      apiAnonymous: 'when CLIENT_ACCEPTED {',
    });
    assert.match(
      textOf(answer.json['message']),
      /^01070151:3: Rule \[\/Common\/r\] error: \/Common\/r:1: error: \[parse error/,
    );
  });
});
