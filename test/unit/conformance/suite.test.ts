import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { systemClock } from '../../../src/clock.js';
import { mintMaterial } from '../../../src/conformance/material.js';
import type { Material } from '../../../src/conformance/material.js';
import { checkGroups, runConformance } from '../../../src/conformance/suite.js';
import type { CheckResult, ConformanceOptions } from '../../../src/conformance/suite.js';
import { silentLogger } from '../../../src/log.js';
import type { MockUser } from '../../../src/mock/authn/user.js';
import { localhostSubject, mintSelfSigned } from '../../../src/mock/certificate/self-signed.js';
import type { ManagementCertificate } from '../../../src/mock/certificate/self-signed.js';
import { startMockPair } from '../../../src/mock/ha/mock-pair.js';
import type { Json } from '../../../src/mock/json.js';
import { textOf } from '../../../src/mock/json.js';
import type { MockBigIp } from '../../../src/mock/mock-big-ip.js';
import { Secret } from '../../../src/secret.js';
import { startBench } from '../mock/bench.js';
import type { Bench } from '../mock/bench.js';
import { ManagementClient } from '../mock/management-client.js';
import { LyingDevice } from './lying-device.js';
import type { LyingDeviceOptions } from './lying-device.js';

const credentials = { username: 'agent', password: new Secret('agent-password') };
const ownPartition = '/mgmt/tm/auth/partition/mesh_conformance';

describe('the conformance suite', () => {
  let bench: Bench | undefined;
  let material: Material;
  let certificate: ManagementCertificate;
  before(async () => {
    [material, certificate] = await Promise.all([
      mintMaterial(new Date()),
      mintSelfSigned(localhostSubject, new Date()),
    ]);
  });
  afterEach(async () => {
    await bench?.close();
    bench = undefined;
  });

  function run(
    device: MockBigIp,
    options: Partial<ConformanceOptions> = {},
  ): Promise<readonly CheckResult[]> {
    return runConformance({
      url: new URL(device.url),
      trust: { fingerprint256: device.fingerprint256 },
      credentials,
      write: true,
      clock: systemClock,
      signal: new AbortController().signal,
      onResult: () => undefined,
      material,
      ...options,
    });
  }

  async function runOnLiar(
    lie: Pick<LyingDeviceOptions, 'instead' | 'twist'>,
  ): Promise<readonly CheckResult[]> {
    bench = await startBench();
    const liar = await LyingDevice.start({ device: bench.device, certificate, ...lie });
    const { fingerprint256 } = new X509Certificate(certificate.pem);
    try {
      return await run(bench.device, { url: liar.url, trust: { fingerprint256 } });
    } finally {
      await liar.close();
    }
  }

  for (const tmosVersion of ['13.1', '14.1', '15.1', '16.1', '17.1'] as const) {
    it(`finds a mock of ${tmosVersion} as a BIG-IP is`, async () => {
      bench = await startBench({ tmosVersion });
      const results = await run(bench.device);
      assert.deepEqual(failures(results), []);
      assert.deepEqual(
        skipped(results).map(([, reason]) => reason),
        ['the device stands alone'],
      );
      assert.equal(results.length, checkGroups.flatMap(({ checks }) => checks).length);
    });
  }

  it('finds the units of a mock pair as those of a BIG-IP are', async () => {
    const pair = await startMockPair({
      units: [
        { listen: { host: '127.0.0.1', port: 0 }, hostname: 'one.example.com' },
        { listen: { host: '127.0.0.1', port: 0 }, hostname: 'two.example.com' },
      ],
      users: [{ name: credentials.username, password: credentials.password }],
      clock: systemClock,
      logger: silentLogger(),
    });
    try {
      for (const unit of pair.units) {
        const results = await run(unit, { write: false });
        assert.deepEqual(failures(results), []);
        assert.ok(skipped(results).every(([, reason]) => reason === 'needs --write'));
      }
    } finally {
      await pair.close();
    }
  });

  describe('without leave to write', () => {
    it('sends nothing but reads, and what a login needs', async () => {
      bench = await startBench();
      bench.device.forgetRequests();
      const results = await run(bench.device, { write: false });
      assert.deepEqual(failures(results), []);
      const writes = bench.device.requests.filter(
        ({ method, path }) => method !== 'GET' && !path.startsWith('/mgmt/shared/auth'),
      );
      assert.deepEqual(writes, []);
    });

    it('asks only what needs no login, without one', async () => {
      bench = await startBench();
      bench.device.forgetRequests();
      const results = await runConformance({
        url: new URL(bench.device.url),
        trust: { caPem: bench.device.certificatePem },
        write: false,
        clock: systemClock,
        signal: new AbortController().signal,
        onResult: () => undefined,
        material,
      });
      assert.deepEqual(failures(results), []);
      assert.equal(results.filter(({ outcome }) => outcome.is === 'ok').length, 2);
      assert.ok(bench.device.requests.every(({ status }) => status === 401));
    });

    const lesser: Record<string, Omit<MockUser, 'name' | 'password'>> = {
      'a manager of one partition': { role: 'manager', partition: 'Common' },
      'a guest': { role: 'guest' },
    };
    for (const [who, role] of Object.entries(lesser)) {
      it(`skips what ${who} may not do, with the device’s words`, async () => {
        bench = await startBench({
          users: [
            { name: 'admin', password: new Secret('admin-password') },
            { ...credentialsOf(), ...role },
          ],
        });
        const results = await run(bench.device);
        assert.deepEqual(failures(results), []);
        const reasons = skipped(results).map(([, reason]) => reason);
        assert.ok(reasons.length > 50);
        assert.ok(
          reasons.every((reason) =>
            /stands alone|may not make a partition: 0107\w{4}:3: |unix-rm/.test(reason),
          ),
          reasons[5],
        );
      });
    }
  });

  describe('cleans up', () => {
    it('everything that it made, and touches nothing else', async () => {
      bench = await startBench();
      const before = await configuration(bench);
      await run(bench.device);
      assert.deepEqual(await configuration(bench), before);
      await assertNothingLeft(bench);
    });

    it('also when it was interrupted', async () => {
      bench = await startBench();
      const interrupt = new AbortController();
      let seen = 0;
      const results = await run(bench.device, {
        signal: interrupt.signal,
        onResult: () => {
          seen += 1;
          if (seen === 60) interrupt.abort();
        },
      });
      assert.equal(
        skipped(results).filter(([, reason]) => reason === 'interrupted').length,
        results.length - 60,
      );
      await assertNothingLeft(bench);
    });

    it('also when the device fails it', async () => {
      bench = await startBench();
      bench.device.faults.inject({ fault: 'async-task', path: '/mgmt/tm/transaction', times: 3 });
      assert.ok(failures(await run(bench.device)).length > 0);
      await assertNothingLeft(bench);
    });

    it('what a killed run had left', async () => {
      bench = await startBench();
      const { client } = bench;
      await client.post('/mgmt/tm/auth/partition', {
        name: 'mesh_conformance',
        description: 'made by the conformance suite of bigip-mesh-agent; may be removed',
      });
      const rule = { name: 'told', partition: 'mesh_conformance', apiAnonymous: 'when CLIENT_ACCEPTED { }' };
      assert.equal((await client.post('/mgmt/tm/ltm/rule', rule)).status, 200);
      assert.deepEqual(failures(await run(bench.device)), []);
      await assertNothingLeft(bench);
    });
  });

  it('leaves a partition of its name alone that somebody else made', async () => {
    bench = await startBench();
    await bench.client.post('/mgmt/tm/auth/partition', {
      name: 'mesh_conformance',
      description: 'production',
    });
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'theirs', partition: 'mesh_conformance' });
    await assert.rejects(run(bench.device), { code: 'MESH_ERR_DEVICE_EXISTS' });
    assert.equal((await bench.client.get('/mgmt/tm/ltm/pool/~mesh_conformance~theirs')).status, 200);
  });

  it('says in whose words it was not admitted', async () => {
    bench = await startBench();
    const wrong = { username: 'agent', password: new Secret('wrong horse') };
    await assert.rejects(run(bench.device, { credentials: wrong }), {
      code: 'MESH_ERR_DEVICE_AUTH_FAILED',
      message: 'the device does not admit user agent: Authentication failed. (HTTP 401)',
    });
  });

  it('sends nothing to a device with another certificate', async () => {
    bench = await startBench();
    bench.device.forgetRequests();
    await assert.rejects(run(bench.device, { trust: { fingerprint256: '00'.repeat(32) } }), {
      code: 'MESH_ERR_DEVICE_CERTIFICATE',
    });
    assert.deepEqual(bench.device.requests, []);
  });

  describe('catches a device that', () => {
    const lies: ReadonlyArray<
      readonly [what: string, caughtBy: RegExp, lie: Pick<LyingDeviceOptions, 'instead' | 'twist'>]
    > = [
      [
        'says in another family’s words that something is not there',
        /^an absent ltm\/pool answers 404/,
        {
          twist: ({ status, json }) =>
            status === 404 ? { status, json: { code: 404, message: textOf(json['message']) } } : undefined,
        },
      ],
      [
        'carries no single record',
        /^\?options=records add adds a record/,
        { instead: ({ path }) => (path.includes('?options=') ? { status: 200, json: {} } : undefined) },
      ],
      [
        'says COMPLETED and does nothing',
        /^a commit answers 200 with COMPLETED, and all of it is there$/,
        {
          instead: ({ method, path }) =>
            method === 'PATCH' && /\/transaction\/\d+$/.test(path)
              ? { status: 200, json: { state: 'COMPLETED' } }
              : undefined,
        },
      ],
      [
        'lets a second writer through the fence',
        /: the fence$/,
        {
          twist: ({ json }) =>
            textOf(json['message']).startsWith('transaction failed:0102')
              ? { status: 200, json: { state: 'COMPLETED' } }
              : undefined,
        },
      ],
      [
        'lets a key meet another key’s certificate',
        /^a key that does not belong to its certificate is refused/,
        {
          twist: ({ json }) =>
            textOf(json['message']).startsWith('01070317') ? { status: 200, json: {} } : undefined,
        },
      ],
      [
        'shows a private key',
        /^a key shows its checksum and never itself$/,
        {
          twist: ({ method, path, status, json }) =>
            method === 'GET' && path.includes('/ssl-key/')
              ? { status, json: { ...json, content: '-----BEGIN PRIVATE KEY-----' } }
              : undefined,
        },
      ],
      [
        'echoes a wrong password',
        /without an echo of the password$/,
        {
          twist: ({ status, path, requestText, json }) =>
            status === 401 && path.endsWith('/login')
              ? { status, json: { ...json, originalRequestBody: requestText } }
              : undefined,
        },
      ],
      [
        'executes what it should queue',
        /^a write with the id is queued/,
        {
          twist: ({ json }) =>
            json['kind'] === 'tm:transaction:commandsstate'
              ? { status: 200, json: { kind: 'tm:ltm:data-group:internal:internalstate' } }
              : undefined,
        },
      ],
      [
        'gives tokens that live for ever',
        /good for 1200 s$/,
        {
          twist: ({ path, status, json }) =>
            status === 200 && path.endsWith('/login')
              ? {
                  status,
                  json: { ...json, token: { ...(json['token'] as Record<string, Json>), timeout: 0 } },
                }
              : undefined,
        },
      ],
    ];
    for (const [what, caughtBy, lie] of lies) {
      it(what, async () => {
        const failed = failures(await runOnLiar(lie));
        assert.ok(
          failed.some((name) => caughtBy.test(name)),
          failed.join('\n'),
        );
      });
    }

    it('nods at everything', async () => {
      const lie: LyingDeviceOptions['instead'] = ({ method, path }) =>
        method === 'GET' || path.startsWith('/mgmt/shared/auth') || path.includes('/auth/partition')
          ? undefined
          : { status: 200, json: {} };
      const passed = (await runOnLiar({ instead: lie })).filter(({ outcome }) => outcome.is === 'ok');
      const written = checkGroups.flatMap(({ checks }) => checks.filter(({ needs }) => needs === 'write'));
      const nodded = passed.filter(({ name }) => written.some((check) => check.name === name));
      assert.deepEqual(
        nodded.map(({ name }) => name),
        ['a partition answers with its bare name for a full path'],
      );
    });
  });
});

function credentialsOf(): MockUser {
  return { name: credentials.username, password: credentials.password };
}

function failures(results: readonly CheckResult[]): string[] {
  return results.flatMap(({ name, outcome }) => (outcome.is === 'failed' ? [name] : []));
}

function skipped(results: readonly CheckResult[]): ReadonlyArray<readonly [name: string, reason: string]> {
  return results.flatMap(({ name, outcome }) =>
    outcome.is === 'skipped' ? [[name, outcome.reason] as const] : [],
  );
}

const kinds = [
  'auth/partition',
  'sys/folder',
  'sys/file/ssl-cert',
  'sys/file/ssl-key',
  'ltm/virtual',
  'ltm/virtual-address',
  'ltm/pool',
  'ltm/node',
  'ltm/rule',
  'ltm/data-group/internal',
  'ltm/profile/client-ssl',
];

/** Every object, with all its members. */
async function configuration({ client }: Bench): Promise<readonly Json[]> {
  const all: Json[] = [];
  for (const kind of kinds) all.push((await client.get(`/mgmt/tm/${kind}`)).json['items'] ?? []);
  return all;
}

async function assertNothingLeft({ client, device }: Bench): Promise<void> {
  assert.equal((await client.get(ownPartition)).status, 404);
  const uploads = await client.post('/mgmt/tm/util/unix-ls', {
    command: 'run',
    utilCmdArgs: '/var/config/rest/downloads',
  });
  assert.equal(uploads.json['commandResult'], undefined);
  const agent = new ManagementClient(device);
  await agent.login(credentials.username, credentials.password.reveal());
  const tokens = (await agent.get('/mgmt/shared/authz/tokens')).json['items'] as readonly Json[];
  agent.close();
  assert.equal(tokens.length, 1, 'a token of the suite is still there');
}
