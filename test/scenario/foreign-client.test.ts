import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../src/clock.js';
import { silentLogger } from '../../src/log.js';
import { startMockBigIp } from '../../src/mock/mock-big-ip.js';
import type { MockBigIp } from '../../src/mock/mock-big-ip.js';
import { isJsonObject } from '../../src/mock/json.js';
import type { JsonObject } from '../../src/mock/json.js';
import { tmosBranches } from '../../src/mock/tmos-version.js';
import type { TmosBranch } from '../../src/mock/tmos-version.js';
import { issueCertificate } from '../../src/pki/issue-certificate.js';
import type { CertificateTemplate } from '../../src/pki/issue-certificate.js';
import { generateKeyPair } from '../../src/pki/key-pair.js';
import { Secret } from '../../src/secret.js';
import { repositoryRoot } from '../support/shared-data.js';
import { skipBecause } from '../support/skip.js';
import { ManagementClient } from '../unit/mock/management-client.js';

/** What the client saw, by kind where there is one. */
interface Seen {
  readonly made: Readonly<Record<string, string>>;
  readonly listed: Readonly<Record<string, readonly string[]>>;
  readonly saved: Readonly<Record<string, string>>;
  readonly modified: Readonly<Record<string, string>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly exists: readonly boolean[];
  readonly uploaded: readonly string[];
  readonly left: readonly string[];
  readonly statistics: string;
}

const run = promisify(execFile);
const password = 'operator-password';

describe('a client that others wrote (bigrest) drives the mock BIG-IP', function () {
  this.timeout(120_000);
  let folder: string;
  const file = (name: string): string => join(folder, name);
  let certificate: { readonly pem: string; readonly keyPem: Secret };

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'foreign-client-'));
    const python = await run('python3', ['-m', 'pip', '--version']).catch(() => undefined);
    if (python === undefined) {
      skipBecause(this, 'the foreign client: there is no python3 with pip on this machine');
      return;
    }
    const flags = [
      '--quiet',
      '--no-input',
      '--disable-pip-version-check',
      '--retries',
      '1',
      '--timeout',
      '10',
    ];
    const packages = ['bigrest==1.7.3', 'requests>=2.31,<3'];
    const installed = await run('python3', [
      '-m',
      'pip',
      'install',
      ...flags,
      '--target',
      file('site'),
      ...packages,
    ]).catch(() => undefined);
    if (installed === undefined) {
      skipBecause(this, 'the foreign client: pip could not get bigrest from a package registry');
      return;
    }
    certificate = await mintManagementCertificate(file('ca.pem'));
    await mintPair('one');
    await mintPair('two');
  });
  after(() => rm(folder, { recursive: true }));

  async function mintPair(name: string): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('rsa-2048');
    const pem = issueCertificate(template(name, publicKey), { privateKey }).toString();
    await writeFile(file(`${name}.crt`), pem);
    await writeFile(file(`${name}.key`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  }

  async function bigrest(mode: 'make' | 'remove', device: MockBigIp): Promise<unknown> {
    const script = join(repositoryRoot, 'test', 'scenario', 'foreign-client.py');
    // By the name in its certificate, which the client verifies.
    const address = `localhost:${new URL(device.url).port}`;
    const { stdout } = await run('python3', [script, mode, address, file('ca.pem'), folder], {
      env: {
        ...process.env,
        PYTHONPATH: file('site'),
        PYTHONDONTWRITEBYTECODE: '1',
        NO_PROXY: 'localhost',
        // A bundle of the machine would take precedence over the one that the client is given.
        REQUESTS_CA_BUNDLE: file('ca.pem'),
        DEVICE_PASSWORD: password,
      },
    });
    return JSON.parse(stdout) as unknown;
  }

  for (const tmosVersion of [tmosBranches[0], tmosBranches[4]]) {
    describe(`as ${tmosVersion}`, () => {
      let device: MockBigIp;
      let client: ManagementClient;
      let seen: Seen;
      before(async () => {
        device = await startMock(tmosVersion);
        client = new ManagementClient(device);
        await client.login('operator', password);
        seen = (await bigrest('make', device)) as Seen;
      });
      after(async () => {
        client.close();
        await device.close();
      });
      const read = async (path: string): Promise<JsonObject> => (await client.get(`/mgmt/tm/${path}`)).json;

      it('makes, lists, replaces and modifies an object of each kind', () => {
        const made = Object.entries(seen.made);
        assert.equal(made.length, 9);
        for (const [kind, fullPath] of made) {
          assert.ok(seen.listed[kind]?.includes(fullPath.replace('/foreign/', '')), kind);
          assert.equal(seen.saved[kind], kind === 'ltm/rule' ? undefined : 'saved');
          assert.equal(seen.modified[kind], kind === 'ltm/rule' ? undefined : 'modified');
        }
      });

      it('leaves what it said on the device', async () => {
        const virtual = await read('ltm/virtual/~foreign~facing?expandSubcollections=true');
        assert.equal(virtual['pool'], '/foreign/targets');
        assert.deepEqual(virtual['rules'], ['/foreign/first']);
        const profiles = virtual['profilesReference'];
        const items = isJsonObject(profiles) ? (profiles['items'] as unknown as Array<{ name: string }>) : [];
        assert.deepEqual(items.map(({ name }) => name).toSorted(), ['served', 'tcp']);
        const { records } = await read('ltm/data-group/internal/~foreign~callers');
        assert.deepEqual(records, [{ name: 'a', data: '1' }]);
        assert.equal((await read('ltm/pool/~foreign~targets'))['monitor'], '/foreign/alive');
        assert.equal((await read('ltm/monitor/tcp/~foreign~alive'))['interval'], 7);
      });

      it('commits a transaction, and has one refused that parts a key from its certificate', async () => {
        const { certKeyChain } = await read('ltm/profile/client-ssl/~foreign~served');
        const [entry] = certKeyChain as unknown as Array<{ cert: string; key: string }>;
        assert.deepEqual([entry?.cert, entry?.key], ['/foreign/two.crt', '/foreign/two.key']);
        assert.deepEqual(seen.refused, { parted: 400, twice: 409, absent: 404, used: 400 });
        assert.deepEqual(seen.exists, [true, false]);
      });

      it('uploads in chunks, removes the uploads, saves by a task and reads statistics', () => {
        assert.deepEqual(seen.uploaded, ['large', 'one.crt', 'one.key', 'two.crt', 'two.key']);
        assert.deepEqual(seen.left, []);
        assert.equal(seen.statistics, 'enabled');
      });

      it('removes it all', async () => {
        assert.deepEqual(await bigrest('remove', device), { partition: false });
        const { items = [] } = await read('sys/folder');
        assert.ok(!JSON.stringify(items).includes('foreign'));
      });
    });
  }

  function startMock(tmosVersion: TmosBranch): Promise<MockBigIp> {
    return startMockBigIp({
      listen: { host: 'localhost', port: 0 },
      users: [{ name: 'operator', password: new Secret(password) }],
      managementCertificate: certificate,
      tmosVersion,
      clock: systemClock,
      logger: silentLogger(),
    });
  }
});

function template(commonName: string, publicKey: CertificateTemplate['publicKey']): CertificateTemplate {
  const now = Date.now();
  return {
    subject: [{ type: 'commonName', value: commonName }],
    publicKey,
    notBefore: new Date(now - 60_000),
    notAfter: new Date(now + 3_600_000),
  };
}

/** A certificate for `localhost` with its CA, as an operator gives one to a device whose clients verify it. */
async function mintManagementCertificate(caFile: string): Promise<{ pem: string; keyPem: Secret }> {
  const [ca, leaf] = await Promise.all([generateKeyPair('ec-p256'), generateKeyPair('rsa-2048')]);
  const issuer = issueCertificate(
    {
      ...template('conformance lab CA', ca.publicKey),
      keyUsages: ['keyCertSign', 'cRLSign'],
      basicConstraints: { ca: true },
      hasSubjectKeyIdentifier: true,
    },
    { privateKey: ca.privateKey },
  );
  await writeFile(caFile, issuer.toString());
  const certificate = issueCertificate(
    {
      ...template('localhost', leaf.publicKey),
      keyUsages: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsages: ['serverAuth'],
      basicConstraints: { ca: false },
      subjectAltNames: { isCritical: false, names: [{ type: 'dns', value: 'localhost' }] },
    },
    { certificate: issuer, privateKey: ca.privateKey },
  );
  return {
    pem: certificate.toString() + issuer.toString(),
    keyPem: new Secret(leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  };
}
