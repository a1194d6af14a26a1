import assert from 'node:assert/strict';
import { textOf } from '../../../src/mock/json.js';
import type { Json, JsonObject } from '../../../src/mock/json.js';
import { startBench } from './bench.js';
import type { Bench } from './bench.js';

/** Members that say which object it is. */
const header = ['kind', 'name', 'partition', 'fullPath', 'generation', 'selfLink'];

describe('mock BIG-IP: monitors and profiles', () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench({ tmosVersion: '14.1' });
  });
  after(() => bench.close());

  const tm = (path: string) => `/mgmt/tm/ltm/${path}`;
  const builtIn: ReadonlyArray<readonly [string, string]> = [
    ['monitor/tcp', 'tcp'],
    ['monitor/http', 'http'],
    ['monitor/https', 'https'],
    ['monitor/icmp', 'icmp'],
    ['monitor/gateway-icmp', 'gateway_icmp'],
    ['monitor/tcp-half-open', 'tcp_half_open'],
    ['monitor/udp', 'udp'],
    ['profile/tcp', 'tcp'],
    ['profile/udp', 'udp'],
    ['profile/http', 'http'],
    ['profile/fastl4', 'fastL4'],
    ['profile/fasthttp', 'fasthttp'],
    ['profile/one-connect', 'oneconnect'],
  ];
  for (const [path, name] of builtIn) {
    it(`has ${path} ${name}, from which others inherit`, async () => {
      const { client } = bench;
      const base = await client.get(tm(`${path}/~Common~${name}`));
      assert.equal(base.status, 200);
      const last = path.slice(path.indexOf('/') + 1);
      assert.equal(base.json['kind'], `tm:ltm:${path.replace('/', ':')}:${last}state`);
      const items = (await client.get(tm(path))).json['items'] as readonly JsonObject[];
      assert.deepEqual(
        items.map((item) => item['name']),
        [name],
      );
      const made = await client.post(tm(path), { name: 'own', description: 'mine' });
      assert.equal(made.status, 200, made.text);
      assert.equal(made.json['defaultsFrom'], `/Common/${name}`);
      const inherited = Object.entries(base.json).filter(
        ([member]) => !header.includes(member) && !['defaultsFrom', 'description'].includes(member),
      );
      for (const [member, value] of inherited) assert.deepEqual(made.json[member], value, member);
      assert.equal(
        (await client.patch(tm(`${path}/own`), { description: 'ours' })).json['description'],
        'ours',
      );
      assert.equal((await client.patch(tm(`${path}/own`), { nonsense: 1 })).status, 400);
      assert.equal((await client.delete(tm(`${path}/~Common~${name}`))).status, 400, 'the base stays');
      assert.equal((await client.delete(tm(`${path}/own`))).status, 200);
      assert.equal((await client.get(tm(`${path}/own`))).status, 404);
    });
  }

  /** What 14.1.2.1 says of its own, without the header. */
  const recorded: ReadonlyArray<readonly [string, JsonObject]> = [
    [
      'monitor/http/http',
      {
        adaptive: 'disabled',
        adaptiveDivergenceType: 'relative',
        adaptiveDivergenceValue: 25,
        adaptiveLimit: 200,
        adaptiveSamplingTimespan: 300,
        destination: '*:*',
        interval: 5,
        ipDscp: 0,
        manualResume: 'disabled',
        reverse: 'disabled',
        send: String.raw`GET /\r\n`,
        timeUntilUp: 0,
        timeout: 16,
        transparent: 'disabled',
        upInterval: 0,
      },
    ],
    [
      'monitor/udp/udp',
      {
        adaptive: 'disabled',
        adaptiveDivergenceType: 'relative',
        adaptiveDivergenceValue: 25,
        adaptiveLimit: 200,
        adaptiveSamplingTimespan: 300,
        debug: 'no',
        destination: '*:*',
        interval: 5,
        manualResume: 'disabled',
        reverse: 'disabled',
        send: 'default send string',
        timeUntilUp: 0,
        timeout: 16,
        transparent: 'disabled',
        upInterval: 0,
      },
    ],
    [
      'profile/one-connect/oneconnect',
      {
        appService: 'none',
        defaultsFrom: 'none',
        description: 'none',
        idleTimeoutOverride: 'disabled',
        limitType: 'none',
        maxAge: 86_400,
        maxReuse: 1000,
        maxSize: 10_000,
        sharePools: 'disabled',
        sourceMask: 'any',
      },
    ],
  ];
  for (const [path, members] of recorded) {
    it(`shows ${path} as recorded, in its order`, async () => {
      const { json } = await bench.client.get(tm(path));
      const shown = Object.entries(json).filter(([member]) => !header.includes(member));
      assert.deepEqual(shown, Object.entries(members));
    });
  }

  it('shows the password of a monitor to nobody', async () => {
    const body = { name: 'secret', username: 'u', password: 'hunter2' };
    const made = await bench.client.post(tm('monitor/http'), body);
    assert.equal(made.json['username'], 'u');
    assert.doesNotMatch(made.text, /hunter2/);
  });

  it('lets virtual servers carry each kind of profile, and refuses to remove what one carries', async () => {
    const { client } = bench;
    for (const [path, name] of [
      ['udp', 'u'],
      ['http', 'h'],
      ['one-connect', 'o'],
    ] as const) {
      await client.post(tm(`profile/${path}`), { name });
    }
    const virtual = (name: string, port: number, ipProtocol: string, profiles: Json) =>
      client.post(tm('virtual'), { name, destination: `192.0.2.1:${port}`, ipProtocol, profiles });
    assert.equal((await virtual('web', 80, 'tcp', ['tcp', 'h', 'o'])).status, 200);
    assert.equal((await virtual('dns', 53, 'udp', ['u'])).status, 200);
    const { json } = await client.get(tm('virtual/web/profiles'));
    assert.deepEqual(
      (json['items'] as readonly JsonObject[]).map(({ name, nameReference }) => [
        name,
        textOf((nameReference as JsonObject)['link']).split('?')[0],
      ]),
      [
        ['tcp', 'https://localhost/mgmt/tm/ltm/profile/tcp/~Common~tcp'],
        ['h', 'https://localhost/mgmt/tm/ltm/profile/http/~Common~h'],
        ['o', 'https://localhost/mgmt/tm/ltm/profile/one-connect/~Common~o'],
      ],
    );
    const refused = await client.delete(tm('profile/http/h'));
    assert.equal(refused.status, 400);
    assert.equal(
      refused.json['message'],
      '01070265:3: The HTTP Profile (/Common/h) cannot be deleted because it is in use by a virtual server ' +
        'profile (/Common/web /Common/h).',
    );
  });

  it('refuses to remove a monitor that a pool uses', async () => {
    const { client } = bench;
    await client.post(tm('monitor/https'), { name: 'used', interval: 30, timeout: 91 });
    await client.post(tm('pool'), { name: 'p', monitor: '/Common/used' });
    assert.equal((await client.delete(tm('monitor/https/used'))).status, 400);
    await client.delete(tm('pool/p'));
    assert.equal((await client.delete(tm('monitor/https/used'))).status, 200);
  });
});
