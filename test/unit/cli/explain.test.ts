import { strict as assert } from 'node:assert';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Output } from '../../../src/cli/output.js';
import { runCli } from '../../../src/cli/program.js';
import type { Clock } from '../../../src/clock.js';
import { startKubeApi } from '../../../src/demo/kube-api/kube-api.js';
import { editAllowlist } from '../../../src/demo/edit-allowlist.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import {
  badCallerId,
  goodCallerId,
  renderScenarioConfig,
  seedCluster,
} from '../../../src/demo/surroundings.js';
import { KubeClient } from '../../../src/kube/client.js';
import { createLogger } from '../../../src/log.js';
import { run as runCommand } from '../../support/command.js';
import { FakeClock } from '../../support/fake-clock.js';
import { repositoryRoot } from '../../support/shared-data.js';
import { loadSvidVectors, loadVectorCa, svidVectorFolder, trustedSleep } from '../../support/svid-vectors.js';

interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Line {
  readonly file: string | null;
  readonly decision: 'allow' | 'reject';
  readonly spiffeId: string | null;
  readonly entry: string | null;
  readonly reason: string;
}

const { signal } = new AbortController();
const certificates = join(svidVectorFolder, 'certs');
const chain = join(svidVectorFolder, 'ca', 'chain.pem');

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

describe('bigip-mesh explain', () => {
  let folder: string;
  const clock: Clock = new FakeClock(loadVectorCa().at);
  const write = async (name: string, content: string | Buffer): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, content);
    return file;
  };
  const run = async (...args: string[]): Promise<Finished> => {
    const stdout = new Sink();
    const stderr = new Sink();
    const exitCode = await runCli(['explain', ...args], ({ output }) => ({
      output: new Output({ stdout, stderr }, output),
      logger: createLogger('silent', stderr),
      clock,
      signal,
    }));
    return { exitCode, stdout: stdout.text, stderr: stderr.text };
  };
  const json = async (...args: string[]): Promise<Line[]> => {
    const { exitCode, stdout, stderr } = await run(...args, '--output', 'json');
    assert.equal(exitCode, 0, stderr);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  };

  let onlySleep: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
    onlySleep = await write('only-sleep.txt', `${trustedSleep}\n`);
  });
  after(() => rm(folder, { recursive: true }));

  describe('with the published vectors', () => {
    const vectors = new Map(loadSvidVectors().map((vector) => [basename(vector.file), vector]));

    for (const engine of ['rule', 'core', 'both']) {
      it(`decides as recorded by ${engine}, TLS included`, async () => {
        const args = ['--cert', certificates, '--allowlist', onlySleep, '--engine', engine];
        const lines = await json(...args, '--trust-bundle', chain);
        assert.equal(lines.length, vectors.size);
        for (const { file, decision, spiffeId, entry } of lines) {
          const vector = vectors.get(basename(file ?? ''));
          assert.ok(vector !== undefined, file ?? '');
          if (vector.enforcement === 'must')
            assert.equal(decision, vector.decisionIfOnlyTrustedSleepIsAllowed, vector.name);
          if (spiffeId !== null) assert.deepEqual([spiffeId], vector.expectedSpiffeIds, vector.name);
          assert.equal(entry, decision === 'allow' ? trustedSleep : null);
        }
      });
    }

    it('says the same by each engine, and nothing more by both', async () => {
      const ask = (engine: string): Promise<Finished> =>
        run('--cert', certificates, '--allowlist', onlySleep, '--engine', engine, '-o', 'json');
      const [rule, core, both] = await Promise.all(['rule', 'core', 'both'].map(ask));
      assert.equal(rule?.stdout, core?.stdout);
      assert.equal(both?.stdout, core?.stdout);
    });

    it('takes a folder in the order of its names, and several paths in the order given', async () => {
      const files = (await json('--cert', certificates, '--allowlist', onlySleep, '--engine', 'core')).map(
        ({ file }) => file ?? '',
      );
      assert.deepEqual(
        files,
        [...vectors.keys()].toSorted().map((name) => join(certificates, name)),
      );
      const some = files.slice(0, 3).toReversed();
      const asked = await json('--cert', ...some, '--allowlist', onlySleep, '--engine', 'core');
      assert.deepEqual(
        asked.map(({ file }) => file),
        some,
      );
    });

    it('judges the time without being asked, and leaves the chain out unless it gets roots', async () => {
      const decisionOf = async (name: string, ...more: string[]): Promise<string> => {
        const file = join(certificates, `${name}.pem`);
        const [line] = await json('--cert', file, '--allowlist', onlySleep, '--engine', 'core', ...more);
        return `${line?.decision} ${line?.reason}`;
      };
      assert.equal(await decisionOf('t01_expired'), 'reject not-verified');
      assert.equal(await decisionOf('x01_self_signed'), 'reject not-verified');
      assert.equal(await decisionOf('x03_corrupt_signature'), 'allow allowed');
      assert.equal(await decisionOf('x03_corrupt_signature', '--trust-bundle', chain), 'reject not-verified');
      const { stderr } = await run('--cert', certificates, '--allowlist', onlySleep, '--engine', 'core');
      assert.match(stderr, /chain was not checked.*--trust-bundle/);
    });
  });

  const valid = join(certificates, 'v01_istio_ec_trusted_sleep.pem');
  const other = join(certificates, 'v04_istio_rsa2048_untrusted_sleep.pem');

  it('prints JSON of exactly five fields, in their order', async () => {
    const { stdout } = await run('--cert', valid, other, '--allowlist', onlySleep, '-o', 'json');
    const untrusted = 'spiffe://cluster.local/ns/untrusted/sa/sleep';
    assert.equal(
      stdout,
      `${JSON.stringify({ file: valid, decision: 'allow', spiffeId: trustedSleep, entry: trustedSleep, reason: 'allowed' })}\n` +
        `${JSON.stringify({ file: other, decision: 'reject', spiffeId: untrusted, entry: null, reason: 'not-listed' })}\n`,
    );
  });

  it('prints a line a certificate: decision, file, ID, and the entry with its line or the reason', async () => {
    const file = await write(
      'callers.yaml',
      `apiVersion: v1
kind: ConfigMap
metadata: {namespace: default, name: echo-callers}
data:
  allow: |
    # the good container
    ${trustedSleep} # since May
    spiffe://cluster.local/ns/untrusted/sa/*
  deny: spiffe://cluster.local/ns/untrusted/sa/sleep
`,
    );
    const { exitCode, stdout } = await run('--cert', valid, other, '--allowlist', file);
    assert.equal(exitCode, 0);
    assert.deepEqual(stdout.split('\n'), [
      'trust domains: cluster.local (those of the allow entries)',
      `allow   ${valid}  ${trustedSleep}  by ${trustedSleep} (ConfigMap default/echo-callers, allow line 2: since May)`,
      `reject  ${other}  spiffe://cluster.local/ns/untrusted/sa/sleep  denied: by spiffe://cluster.local/ns/untrusted/sa/sleep (ConfigMap default/echo-callers, deny line 1)`,
      '',
    ]);
  });

  it('says when the mode would let pass', async () => {
    const file = await write('audit.yaml', 'allow: |\n  spiffe://cluster.local/x\nmode: audit\n');
    const { stdout } = await run('--cert', valid, '--allowlist', file);
    assert.match(stdout, /^mode: audit/m);
    assert.match(stdout, /^reject .* not-listed/m);
  });

  it('accepts the trust domains that it is told, instead of those of the entries', async () => {
    const args = ['--cert', valid, '--allowlist', onlySleep];
    const [foreign] = await json(...args, '--trust-domain', 'example.org');
    assert.deepEqual([foreign?.decision, foreign?.reason], ['reject', 'trust-domain']);
    const [own] = await json(...args, '--trust-domain', 'example.org', 'cluster.local');
    assert.equal(own?.decision, 'allow');
    const { stdout } = await run(...args, '--trust-domain', 'example.org', 'cluster.local');
    assert.match(stdout, /^trust domains: example\.org, cluster\.local \(as given\)$/m);
  });

  it('lets nobody in by an empty list', async () => {
    const empty = await write('empty.txt', '');
    const [line] = await json('--cert', valid, '--allowlist', empty);
    assert.deepEqual([line?.decision, line?.reason], ['reject', 'trust-domain']);
  });

  it('rejects a file that is no certificate as malformed, and goes on', async () => {
    const text = await write('notes.pem', 'call Bob');
    const empty = await write('empty.pem', '');
    const rubbish = await write('rubbish.der', Buffer.from('308201002a', 'hex'));
    const lines = await json('--cert', text, empty, rubbish, valid, '--allowlist', onlySleep);
    assert.deepEqual(
      lines.map(({ decision, reason }) => `${decision} ${reason}`),
      ['reject malformed', 'reject malformed', 'reject malformed', 'allow allowed'],
    );
  });

  describe('asked about an ID', () => {
    it('decides without a certificate, by both engines', async () => {
      for (const engine of ['rule', 'core', 'both']) {
        const [line] = await json(trustedSleep, '--allowlist', onlySleep, '--engine', engine);
        assert.deepEqual(line, {
          file: null,
          decision: 'allow',
          spiffeId: trustedSleep,
          entry: trustedSleep,
          reason: 'allowed',
        });
      }
      const { stdout } = await run('spiffe://cluster.local/ns/a/sa/b', '--allowlist', onlySleep);
      assert.match(stdout, /^reject {2}spiffe:\/\/cluster\.local\/ns\/a\/sa\/b {2}not-listed: /m);
    });

    it('says what is wrong with what is no ID', async () => {
      const { exitCode, stdout } = await run('spiffe://Cluster.local/a', '--allowlist', onlySleep);
      assert.equal(exitCode, 0);
      assert.match(
        stdout,
        /^reject .* bad-spiffe-id: the trust domain has the character "C"; it must be lower-case$/m,
      );
    });
  });

  describe('asked about a service of the cluster', () => {
    let config: string;
    let kubeconfig: string;
    let kube: KubeClient;
    let stop: () => Promise<void>;
    before(async () => {
      const api = await startKubeApi();
      kubeconfig = await write('kubeconfig.yaml', api.kubeconfig());
      kube = new KubeClient({ path: kubeconfig });
      await seedCluster(kube, await MeshCa.create({ now: clock.now() }));
      const listen = { address: '192.0.2.20', port: 9000 };
      config = await write(
        'config.yaml',
        renderScenarioConfig({
          url: 'https://192.0.2.10',
          certificateFile: 'none.crt',
          listen,
          echoPort: 9000,
        }),
      );
      stop = async () => {
        await kube.close();
        await api.close();
      };
    });
    after(() => stop());
    const ask = (...args: string[]): Promise<Finished> =>
      run(...args, '--service', 'echo', '-f', config, '--kubeconfig', kubeconfig);

    it('reads its ConfigMaps and the trust domains of the mesh, and no device', async () => {
      const { exitCode, stdout, stderr } = await ask(goodCallerId);
      assert.equal(exitCode, 0, stderr);
      assert.match(stdout, /^trust domains: cluster\.local \(the mesh's\)$/m);
      assert.match(stdout, /^allow .* \(ConfigMap default\/echo-callers, allow line 2\)$/m);
      assert.match((await ask(badCallerId)).stdout, /^reject .*not-listed/m);
      assert.match((await ask('--cert', valid)).stdout, /^allow .*v01_istio_ec/m);
    });

    it('names a line that is set aside, and decides by the others', async () => {
      await editAllowlist(kube, ['spiffe://oops', goodCallerId], signal);
      const { exitCode, stdout, stderr } = await ask(goodCallerId);
      assert.equal(exitCode, 0);
      assert.match(stderr, /^set aside: ConfigMap default\/echo-callers, allow line 1: /m);
      assert.match(stdout, /^allow /m);
    });

    it('names the nearest service', async () => {
      const { exitCode, stderr } = await run(
        goodCallerId,
        '--service',
        'ecco',
        '-f',
        config,
        '--kubeconfig',
        kubeconfig,
      );
      assert.equal(exitCode, 3);
      assert.match(stderr, /did you mean "echo"/);
    });
  });

  describe('with a rule that does not do what the agent thinks', () => {
    it('exits with 1 and shows on which certificates, and what each engine said', async () => {
      const install = join(folder, 'installed');
      await cp(fileURLToPath(new URL('../../../src', import.meta.url)), join(install, 'build', 'src'), {
        recursive: true,
      });
      await cp(join(repositoryRoot, 'package.json'), join(install, 'package.json'));
      await symlink(join(repositoryRoot, 'node_modules'), join(install, 'node_modules'));
      await mkdir(join(install, 'irules'));
      const text = await readFile(join(repositoryRoot, 'irules', 'spiffe_allowlist.tcl'), 'utf8');
      const careless = text.replaceAll('error "many-uris"', '');
      assert.notEqual(careless, text);
      await writeFile(join(install, 'irules', 'spiffe_allowlist.tcl'), careless);

      const twoUris = join(certificates, 'm01_two_spiffe_trusted_first.pem');
      const args = ['explain', '--cert', twoUris, valid, '--allowlist', onlySleep];
      const main = join(install, 'build', 'src', 'main.js');
      const asJson = await runCommand(process.execPath, [main, ...args, '-o', 'json']);
      assert.equal(asJson.exitCode, 1, asJson.stderr);
      const [bad, good] = asJson.stdout.split('\n').map((line) => JSON.parse(line || 'null') as unknown);
      assert.deepEqual(bad, {
        file: twoUris,
        decision: 'reject',
        spiffeId: null,
        entry: null,
        reason: 'engines-disagree',
        engines: {
          rule: { decision: 'allow', spiffeId: trustedSleep, reason: 'allowed' },
          core: { decision: 'reject', spiffeId: null, reason: 'many-uris' },
        },
      });
      assert.deepEqual(Object.keys(good as Line), ['file', 'decision', 'spiffeId', 'entry', 'reason']);
      assert.match(asJson.stderr, /disagree about .*m01_two_spiffe_trusted_first\.pem$/m);
      const asText = await runCommand(process.execPath, [main, ...args]);
      assert.equal(asText.exitCode, 1);
      assert.match(
        asText.stdout,
        /^reject .* engines-disagree: rule: allow spiffe:\S+ allowed; core: reject - many-uris$/m,
      );
    });
  });

  it('starts one tclsh for all certificates', async () => {
    const { PATH = '' } = process.env;
    const bin = join(folder, 'bin');
    await mkdir(bin);
    const log = join(bin, 'starts');
    await writeFile(
      join(bin, 'tclsh'),
      `#!/bin/sh\necho start >> '${log}'\nPATH='${PATH}' exec tclsh "$@"\n`,
    );
    await chmod(join(bin, 'tclsh'), 0o755);
    process.env['PATH'] = bin;
    try {
      const lines = await json('--cert', certificates, '--allowlist', onlySleep, '--engine', 'rule');
      assert.equal(lines.length, loadSvidVectors().length);
    } finally {
      process.env['PATH'] = PATH;
    }
    assert.equal(await readFile(log, 'utf8'), 'start\n');
  });

  describe('given what it cannot use', () => {
    const refused = (what: string, message: RegExp, args: () => Promise<string[]>): void => {
      it(`exits with 3: ${what}`, async () => {
        const { exitCode, stderr, stdout } = await run(...(await args()));
        assert.equal(exitCode, 3, stdout);
        assert.match(stderr, message);
        assert.equal(stdout, '');
      });
    };
    refused('no caller', /a SPIFFE ID or --cert/, async () => ['--allowlist', onlySleep]);
    refused('two kinds of caller', /not both/, async () => [
      trustedSleep,
      '--cert',
      valid,
      '--allowlist',
      onlySleep,
    ]);
    refused('no allowlist', /--allowlist FILE or --service/, async () => [trustedSleep]);
    refused('two allowlists', /not both/, async () => [
      trustedSleep,
      '--allowlist',
      onlySleep,
      '--service',
      'echo',
    ]);
    refused('a service without a config', /-f FILE/, async () => [trustedSleep, '--service', 'echo']);
    refused('a certificate that is not there', /gone\.pem does not exist/, async () => [
      '--cert',
      join(folder, 'gone.pem'),
      '--allowlist',
      onlySleep,
    ]);
    refused('an allowlist that is not there', /gone\.txt cannot be read/, async () => [
      '--cert',
      valid,
      '--allowlist',
      join(folder, 'gone.txt'),
    ]);
    refused('a bad line, which it names', /bad\.txt: line 2: .*[\s\S]*bad\.txt: line 3: /, async () => [
      '--cert',
      valid,
      '--allowlist',
      await write('bad.txt', `${trustedSleep}\nsleep\nspiffe://x/*/y\n`),
    ]);
    refused('a trust domain that is none', /--trust-domain "X": /, async () => [
      '--cert',
      valid,
      '--allowlist',
      onlySleep,
      '--trust-domain',
      'X',
    ]);
    refused('a trust bundle that is none', /only-sleep\.txt is no trust bundle/, async () => [
      '--cert',
      valid,
      '--allowlist',
      onlySleep,
      '--trust-bundle',
      onlySleep,
    ]);
    refused('a trust bundle that is empty', /none\.pem is no trust bundle/, async () => [
      '--cert',
      valid,
      '--allowlist',
      onlySleep,
      '--trust-bundle',
      await write('none.pem', '\n'),
    ]);
  });

  describe('without tclsh', () => {
    const { PATH } = process.env;
    beforeEach(() => {
      process.env['PATH'] = '/nonexistent';
    });
    afterEach(() => {
      process.env['PATH'] = PATH;
    });

    for (const engine of ['rule', 'both']) {
      it(`fails with ${engine}, and says how to go on`, async () => {
        const { exitCode, stderr, stdout } = await run(
          '--cert',
          valid,
          '--allowlist',
          onlySleep,
          '--engine',
          engine,
        );
        assert.deepEqual([exitCode, stdout], [1, '']);
        assert.match(stderr, /--engine core \(MESH_ERR_TCLSH_MISSING\)/);
      });
    }

    it('decides with core', async () => {
      const [line] = await json('--cert', valid, '--allowlist', onlySleep, '--engine', 'core');
      assert.equal(line?.decision, 'allow');
    });
  });
});
