import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Clock } from '../../../src/clock.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { FileSource } from '../../../src/identity/file-source.js';
import type { FetchedSvid } from '../../../src/identity/identity-source.js';
import { MeshRoots } from '../../../src/identity/mesh-roots.js';
import { readPassphrase, rootsFromFile } from '../../../src/identity/steady-file.js';
import { fetchVerifiedSvid } from '../../../src/identity/verify-svid.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import type { Svid } from '../../../src/spiffe/svid.js';
import { assertRefused } from '../../support/assert-refused.js';

const now = new Date('2030-01-01T00:00:00Z');
const id = 'spiffe://cluster.local/ns/default/sa/bigip';

describe('FileSource', () => {
  let folder: string;
  let ca: MeshCa;
  let svid: Svid;
  let next: Svid;
  let slept: number[];
  /** What somebody else does while the source waits; nothing when it is empty. */
  let meanwhile: (() => Promise<void>)[];
  before(async () => {
    ca = await MeshCa.create({ now });
    svid = await ca.mint(id);
    next = await ca.mint(id);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'files-'));
    slept = [];
    meanwhile = [];
    await writeAll(svid);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      slept.push(ms);
      await meanwhile.shift()?.();
    },
  };
  const at = (name: string): string => join(folder, name);
  const write = (name: string, text: string): Promise<void> => writeFile(at(name), text);
  const certificateOf = (of: Svid): string => of.renderLeafPem() + of.renderChainPem();
  async function writeAll(of: Svid): Promise<void> {
    await write('bigip.pem', certificateOf(of));
    await write('bigip.key', of.renderKeyPem().reveal());
    await write('bundle.pem', ca.rootPem);
  }
  const source = (passphraseFile?: string): FileSource =>
    new FileSource({
      certificate: at('{serviceAccount}.pem'),
      key: at('{serviceAccount}.key'),
      readPassphrase: async (signal) =>
        passphraseFile === undefined ? undefined : readPassphrase(passphraseFile, signal),
      roots: new MeshRoots([rootsFromFile(at('bundle.pem'), 'identity.files.bundle', clock)]),
      clock,
    });
  const fetch = (from = source(), { signal } = new AbortController()): Promise<FetchedSvid> => {
    const spiffeId = parseSpiffeId(id);
    assert.ok(spiffeId.ok);
    const request = { spiffeId: spiffeId.value, ttlMs: 1000, keyType: 'ec-p256' } as const;
    return fetchVerifiedSvid(from, request, () => now, signal);
  };

  it('takes certificate, key and bundle, and names the file of each root', async () => {
    const fetched = await fetch();
    assert.equal(fetched.svid.fingerprint256, svid.fingerprint256);
    assert.ok(fetched.svid.privateKey.equals(svid.privateKey));
    assert.deepEqual(fetched.trustBundle.roots[0]?.origins, [at('bundle.pem')]);
    assert.deepEqual(slept, []);
  });

  it('reads the files each time', async () => {
    const from = source();
    await fetch(from);
    await writeAll(next);
    assert.equal((await fetch(from)).svid.fingerprint256, next.fingerprint256);
  });

  it('waits for the key when it met the certificate of the next generation', async () => {
    await write('bigip.pem', certificateOf(next));
    meanwhile = [() => write('bigip.key', ''), () => write('bigip.key', next.renderKeyPem().reveal())];
    const fetched = await fetch();
    assert.equal(fetched.svid.fingerprint256, next.fingerprint256);
    assert.ok(fetched.svid.privateKey.equals(next.privateKey));
    assert.deepEqual(slept, [200, 200]);
  });

  it('waits for the rest of a file that is half written', async () => {
    await write('bigip.pem', certificateOf(svid).slice(0, 900));
    await write('bundle.pem', ca.rootPem.slice(0, 300));
    meanwhile = [() => write('bigip.pem', certificateOf(svid)), () => write('bundle.pem', ca.rootPem)];
    const fetched = await fetch();
    assert.equal(fetched.trustBundle.toPem(), ca.rootPem);
    assert.equal(slept.length, 2);
  });

  it('waits for a file that is being replaced', async () => {
    await rm(at('bigip.key'));
    meanwhile = [() => write('bigip.key', svid.renderKeyPem().reveal())];
    await fetch();
  });

  it('gives up after five reads, and says which key is not of which certificate', async () => {
    await write('bigip.pem', certificateOf(next));
    await assertRefused(
      fetch(),
      'MESH_ERR_SVID_KEY_MISMATCH',
      /bigip\.key is not the key of the certificate in \S+bigip\.pem/,
      /write both anew/,
    );
    assert.deepEqual(slept, [200, 200, 200, 200]);
  });

  for (const [name, code, message] of [
    ['bigip.pem', 'MESH_ERR_SVID_MISSING', /bigip\.pem, which identity\.files\.certificate names.*ENOENT/],
    ['bigip.key', 'MESH_ERR_SVID_MISSING', /bigip\.key, which identity\.files\.key names.*ENOENT/],
    ['bundle.pem', 'MESH_ERR_CONFIG_UNREADABLE', /bundle\.pem, which identity\.files\.bundle names.*ENOENT/],
  ] as const) {
    it(`says that ${name} is missing`, async () => {
      await rm(at(name));
      await assertRefused(fetch(), code, message);
    });
  }

  it('refuses a bundle that is empty or broken: roots that are unknown are not none', async () => {
    for (const text of ['', 'hello', ca.rootPem.slice(0, 300)]) {
      await write('bundle.pem', text);
      await assertRefused(fetch(), 'MESH_ERR_ROOTS_INVALID', /the roots in \S+bundle\.pem cannot be used/);
      await assertRefused(
        source().fetchTrustBundle(new AbortController().signal),
        'MESH_ERR_ROOTS_INVALID',
        /bundle\.pem/,
      );
    }
  });

  it('opens an encrypted key with the passphrase in its file', async () => {
    const key = svid.privateKey
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'correct horse' })
      .toString();
    await write('bigip.key', key);
    await write('passphrase', 'correct horse\n');
    await fetch(source(at('passphrase')));
    await write('passphrase', 'wrong horse\n');
    await assertRefused(
      fetch(source(at('passphrase'))),
      'MESH_ERR_SVID_UNREADABLE',
      /bigip\.key cannot be used: the passphrase does not open/,
      /identity\.passphraseFile/,
    );
    await assertRefused(
      fetch(source(at('nothing'))),
      'MESH_ERR_CONFIG_UNREADABLE',
      /nothing, which identity\.passphraseFile names/,
    );
  });

  it('stops when the signal aborts', async () => {
    const controller = new AbortController();
    const reason = new Error('shutting down');
    await rm(at('bigip.key'));
    meanwhile = [() => Promise.resolve(controller.abort(reason))];
    await assert.rejects(fetch(source(), controller), reason);
    assert.equal(slept.length, 1);
  });
});
