import assert from 'node:assert/strict';
import type { JsonObject } from '../../../src/mock/json.js';
import { installFile, mintPair, startBench } from './bench.js';
import type { Bench } from './bench.js';

async function refused(
  answer: Promise<{ readonly status: number; readonly json: JsonObject }>,
  status: number,
  message: string,
): Promise<void> {
  const { status: actual, json } = await answer;
  assert.deepEqual([actual, json['message']], [status, message]);
  assert.deepEqual(json['errorStack'], []);
  assert.equal(json['apiError'], /^0[0-9a-f]{7}:3: /.test(message) ? 3 : 26_214_401);
}

const chain = (name: string) => [{ name, cert: `/Common/${name}.crt`, key: `/Common/${name}.key` }];

const virtual = (name: string, more: JsonObject = {}): JsonObject => ({
  name,
  destination: '/Common/10.0.0.1:9000',
  ipProtocol: 'tcp',
  profiles: ['tcp'],
  ...more,
});

describe('mock BIG-IP: referential integrity', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
  });
  afterEach(() => bench.close());

  const post = (kind: string, body: JsonObject) => bench.client.post(`/mgmt/tm/${kind}`, body);
  async function made(kind: string, body: JsonObject): Promise<void> {
    const answer = await post(kind, body);
    assert.equal(answer.status, 200, answer.text);
  }
  async function pair(name: string): Promise<void> {
    const minted = await mintPair(name);
    await installFile(bench.client, 'ssl-cert', `${name}.crt`, minted.certificatePem);
    await installFile(bench.client, 'ssl-key', `${name}.key`, minted.keyPem);
  }
  it('01070317: a key that is not its certificate’s, in every version’s words', async () => {
    await pair('one');
    await pair('two');
    const crossed = [{ name: 'x', cert: '/Common/one.crt', key: '/Common/two.key' }];
    await refused(
      post('ltm/profile/client-ssl', { name: 'p', certKeyChain: crossed }),
      400,
      "01070317:3: profile /Common/p's key(/Common/two.key) and certificate(/Common/one.crt) do not match.",
    );
    await refused(
      post('ltm/profile/server-ssl', { name: 's', cert: '/Common/one.crt', key: '/Common/two.key' }),
      400,
      "01070317:3: profile /Common/s's key(/Common/two.key) and certificate(/Common/one.crt) do not match.",
    );
    const old = await startBench({ tmosVersion: '13.1' });
    try {
      const minted = await mintPair('one');
      await installFile(old.client, 'ssl-cert', 'one.crt', minted.certificatePem);
      const certKeyChain = [{ name: 'x', cert: '/Common/one.crt', key: '/Common/default.key' }];
      const answer = await old.client.post('/mgmt/tm/ltm/profile/client-ssl', { name: 'p', certKeyChain });
      assert.equal(
        answer.json['message'],
        "01070317:3: profile /Common/p's key and certificate do not match",
      );
    } finally {
      await old.close();
    }
  });

  it('01070317 reaches a profile that inherits the pair', async () => {
    await pair('one');
    await made('ltm/profile/client-ssl', { name: 'base', certKeyChain: chain('one') });
    await made('ltm/profile/client-ssl', { name: 'child', defaultsFrom: '/Common/base' });
    const other = await mintPair('other');
    await bench.client.upload('one.crt', other.certificatePem);
    const answer = await bench.client.put('/mgmt/tm/sys/file/ssl-cert/one.crt', {});
    assert.equal(answer.status, 400);
  });

  it('01071349: a file that a profile uses cannot go', async () => {
    await pair('x');
    await made('ltm/profile/client-ssl', { name: 'p', certKeyChain: chain('x'), caFile: '/Common/x.crt' });
    for (const [kind, name] of [
      ['ssl-key', 'x.key'],
      ['ssl-cert', 'x.crt'],
    ] as const) {
      const removed = bench.client.delete(`/mgmt/tm/sys/file/${kind}/~Common~${name}`);
      await refused(removed, 400, `01071349:3: File object by name (/Common/${name}) is in use.`);
    }
    assert.equal((await bench.client.delete('/mgmt/tm/ltm/profile/client-ssl/p')).status, 200);
    assert.equal((await bench.client.delete('/mgmt/tm/sys/file/ssl-key/~Common~x.key')).status, 200);
  });

  it('01070277: a profile cannot name a key that is not there', async () => {
    await pair('x');
    const certKeyChain = [{ name: 'x', cert: '/Common/x.crt', key: '/Common/y.key' }];
    await refused(
      post('ltm/profile/client-ssl', { name: 'p', certKeyChain }),
      400,
      '01070277:3: The requested key (/Common/y.key) was not found.',
    );
  });

  it('01b4002a: the chain and the older members do not go together', async () => {
    await pair('x');
    await refused(
      post('ltm/profile/client-ssl', { name: 'p', certKeyChain: chain('x'), cert: '/Common/x.crt' }),
      400,
      '01b4002a:3: Client SSL profile (/Common/p):cert-key-chain and profile cert/key/chain/passphrase options ' +
        'cannot be specified together.',
    );
    const legacy = await post('ltm/profile/client-ssl', {
      name: 'p',
      cert: '/Common/x.crt',
      key: '/Common/x.key',
    });
    assert.equal(legacy.json['cert'], '/Common/x.crt');
    assert.equal(legacy.json['inheritCertkeychain'], 'false');
  });

  it('01070265: rules, profiles and pools in use cannot go', async () => {
    await pair('x');
    await made('ltm/profile/client-ssl', { name: 'ssl', certKeyChain: chain('x') });
    await made('ltm/pool', { name: 'p' });
    await made('ltm/rule', { name: 'r', apiAnonymous: 'when CLIENT_ACCEPTED { }' });
    await made(
      'ltm/virtual',
      virtual('vs', { pool: 'p', rules: ['r'], profiles: ['tcp', { name: 'ssl', context: 'clientside' }] }),
    );
    await refused(
      bench.client.delete('/mgmt/tm/ltm/rule/r'),
      400,
      '01070265:3: The rule (/Common/r) cannot be deleted because it is in use by a virtual server (/Common/vs).',
    );
    await refused(
      bench.client.delete('/mgmt/tm/ltm/profile/client-ssl/ssl'),
      400,
      '01070265:3: The ClientSSL Profile (/Common/ssl) cannot be deleted because it is in use by a ' +
        'virtual server profile (/Common/vs /Common/ssl).',
    );
    await refused(
      bench.client.delete('/mgmt/tm/ltm/pool/p'),
      400,
      '01070265:3: The Pool (/Common/p) cannot be deleted because it is in use by a Virtual Server (/Common/vs).',
    );
  });

  it('01070110 and 0107176c: nodes stay while members use them, and an address belongs to one', async () => {
    await made('ltm/pool', { name: 'intraPool', members: [{ name: 'intra2:80', address: '10.1.1.2' }] });
    await refused(
      bench.client.delete('/mgmt/tm/ltm/node/intra2'),
      400,
      "01070110:3: Node address '/Common/intra2' is referenced by a member of pool '/Common/intraPool'.",
    );
    await refused(
      post('ltm/node', { name: 'again', address: '10.1.1.2' }),
      400,
      '0107176c:3: Invalid Node, the IP address 10.1.1.2 already exists.',
    );
    assert.equal((await bench.client.delete('/mgmt/tm/ltm/pool/intraPool')).status, 200);
    assert.equal((await bench.client.get('/mgmt/tm/ltm/node/intra2')).status, 200, 'the node stays behind');
    assert.equal((await bench.client.delete('/mgmt/tm/ltm/node/intra2')).status, 200);
  });

  it('01070333: two virtual servers cannot listen on the same', async () => {
    await made('ltm/virtual', virtual('server1'));
    await refused(
      post('ltm/virtual', virtual('server2')),
      400,
      '01070333:3: Virtual Server /Common/server2 illegally shares destination address, source address, ' +
        'service port, ip-protocol, and vlan with Virtual Server /Common/server1.',
    );
    await made('ltm/virtual', virtual('server3', { source: '192.0.2.0/24' }));
    await made('ltm/virtual', virtual('server4', { destination: '/Common/10.0.0.1:9001' }));
  });

  it('01070097, 01070096 and 01070734: profiles that do not go together', async () => {
    const profiles = (...names: readonly string[]) => post('ltm/virtual', virtual('v', { profiles: names }));
    await made('ltm/profile/tcp', { name: 'tcp2' });
    await refused(
      profiles('tcp', 'tcp2'),
      400,
      '01070097:3: Virtual server /Common/v lists duplicate profiles.',
    );
    await refused(
      post('ltm/virtual', virtual('v', { ipProtocol: 'udp' })),
      400,
      '01070096:3: Virtual server /Common/v lists profiles incompatible with its protocol.',
    );
    await refused(
      profiles('fastL4', 'http'),
      400,
      '01070734:3: Configuration error: Found disallowed profile on /Common/v: ' +
        'Not Any Of (FastL4 Profile, FastHTTP Profile)',
    );
    const tooFew =
      '01070734:3: Configuration error: Less than the required minimum number of profiles found on /Common/v: ' +
      'Exactly 1 of (UDP Profile (clientside), TCP Profile (clientside), SCTP Profile (clientside))';
    await refused(profiles('http'), 400, tooFew);
    const twice = [
      { name: 'tcp', context: 'clientside' },
      { name: 'tcp', context: 'serverside' },
    ];
    await refused(post('ltm/virtual', virtual('v', { profiles: twice })), 400, tooFew);
  });

  it('01071809: one default for SNI, and 01071912: events need their profile', async () => {
    await pair('x');
    for (const name of ['a', 'b']) {
      await made('ltm/profile/client-ssl', { name, certKeyChain: chain('x'), sniDefault: true });
    }
    const both = ['tcp', 'a', 'b'].map((name) => ({ name, context: name === 'tcp' ? 'all' : 'clientside' }));
    await refused(
      post('ltm/virtual', virtual('service', { profiles: both })),
      400,
      '01071809:3: Virtual Server /Common/service has more than one clientssl/serverssl profile that is default for SNI.',
    );
    await made('ltm/rule', { name: 'h', apiAnonymous: 'when HTTP_REQUEST { }' });
    await refused(
      post('ltm/virtual', virtual('v', { rules: ['/Common/h'] })),
      400,
      '01071912:3: HTTP_REQUEST event in rule (/Common/h) requires an associated HTTP or FASTHTTP profile ' +
        'on the virtual-server (/Common/v).',
    );
    await made('ltm/virtual', virtual('v', { rules: ['/Common/h'], profiles: ['tcp', 'http'] }));
  });

  it('01070726: rules of another partition, and 01020036: what is not there', async () => {
    await made('auth/partition', { name: 'PartA' });
    await made('ltm/rule', { name: 'rule', partition: 'PartA', apiAnonymous: 'when CLIENT_ACCEPTED { }' });
    await refused(
      post('ltm/virtual', virtual('vs', { rules: ['/PartA/rule'] })),
      400,
      '01070726:3: A virtual server may only reference rules in the same partition or the common partition ' +
        '(/Common/vs:/PartA/rule)',
    );
    const missing: ReadonlyArray<readonly [JsonObject, string]> = [
      [{ pool: '/Common/wrong' }, 'Pool (/Common/wrong)'],
      [{ rules: ['/Common/wrong'] }, 'rule (/Common/wrong)'],
      [{ profiles: ['tcp', '/Common/wrong'] }, 'profile (/Common/wrong)'],
    ];
    for (const [more, what] of missing) {
      await refused(
        post('ltm/virtual', virtual('vs', more)),
        404,
        `01020036:3: The requested ${what} was not found.`,
      );
    }
    assert.deepEqual((await bench.client.get('/mgmt/tm/ltm/virtual')).json['items'], []);
  });

  it('0107082a: a partition with anything in it stays', async () => {
    await made('auth/partition', { name: 'T1' });
    await made('ltm/virtual', virtual('v', { partition: 'T1', destination: '/T1/10.0.0.1:80' }));
    const text =
      '0107082a:3: You must remove all objects from a partition before removing the partition (T1), type ID (4032)';
    await refused(bench.client.delete('/mgmt/tm/auth/partition/T1'), 400, text);
    assert.equal((await bench.client.delete('/mgmt/tm/ltm/virtual/~T1~v')).status, 200);
    assert.equal((await bench.client.delete('/mgmt/tm/auth/partition/T1')).status, 200);
    assert.equal((await bench.client.get('/mgmt/tm/sys/folder/~T1')).status, 404);
  });

  it('folders have to be there', async () => {
    await refused(
      post('ltm/pool', { name: 'p', partition: 'PART' }),
      400,
      'The requested folder (/PART) was not found.',
    );
    await refused(
      bench.client.post('/mgmt/tm/ltm/pool/~Common~wrong/members', { name: '10.0.0.1:80' }),
      404,
      '01020036:3: The requested pool (/Common/wrong) was not found.',
    );
    await made('ltm/pool', { name: 'p' });
    await refused(
      bench.client.post('/mgmt/tm/ltm/pool/~Common~p/members', { name: '/wrong/10.0.0.1:80' }),
      400,
      "01070734:3: Configuration error: Can't associate Pool Member (/Common/p /wrong/10.0.0.1 80) folder does not exist",
    );
  });

  it('a virtual address comes with its first virtual server, goes with its last, and belongs to one folder', async () => {
    const address = '/mgmt/tm/ltm/virtual-address/~Common~10.0.0.1';
    await made('ltm/virtual', virtual('a'));
    await made('ltm/virtual', virtual('b', { destination: '10.0.0.1:9001' }));
    assert.equal((await bench.client.get(address)).status, 200);
    await made('auth/partition', { name: 'mesh' });
    await refused(
      post('ltm/virtual', virtual('c', { partition: 'mesh', destination: '/mesh/10.0.0.1:9002' })),
      400,
      '0107176c:3: Invalid Virtual Address, the IP address 10.0.0.1 already exists.',
    );
    await bench.client.delete('/mgmt/tm/ltm/virtual/a');
    assert.equal((await bench.client.get(address)).status, 200);
    const moved = await bench.client.patch('/mgmt/tm/ltm/virtual/b', {
      destination: '/Common/10.0.0.2:9001',
    });
    assert.equal(moved.status, 200);
    assert.equal((await bench.client.get(address)).status, 404);
    assert.equal((await bench.client.get('/mgmt/tm/ltm/virtual-address/10.0.0.2')).status, 200);
    await bench.client.patch('/mgmt/tm/ltm/virtual-address/10.0.0.2', { autoDelete: 'false' });
    await bench.client.delete('/mgmt/tm/ltm/virtual/b');
    assert.equal((await bench.client.get('/mgmt/tm/ltm/virtual-address/10.0.0.2')).status, 200);
  });
});
