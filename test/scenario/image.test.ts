import { strict as assert } from 'node:assert';
import { execFile, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../src/clock.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { silentLogger } from '../../src/log.js';
import { finished, lineOf } from '../support/command.js';
import type { Finished } from '../support/command.js';
import { imageStage, imageStart } from '../support/image.js';
import { repositoryRoot } from '../support/shared-data.js';

const run = promisify(execFile);
/** Of the image's user; a test that does not run as root runs as whoever it is. */
const unprivileged = process.getuid?.() === 0 ? { uid: 65_532, gid: 65_532 } : {};

/** What the Dockerfile's last stage copies, as pairs of source and destination. */
function copiedFiles(): Array<[from: string, to: string]> {
  const lastStage = imageStage();
  const copies = [...lastStage.matchAll(/^COPY (?:--from=build )?(\S+) (\S+)$/gm)];
  assert.ok(copies.length >= 4, lastStage);
  return copies.map(([, from = '', to = '']) => [from.replace(/^\/build\//, ''), to]);
}

describe('the files of the image, on a read-only tree, for an unprivileged user', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let root: string;
  const { nodeFlags, env } = imageStart();

  const start = (...args: string[]): ChildProcessWithoutNullStreams =>
    spawn(process.execPath, [...nodeFlags, join(root, 'app/bigip-mesh.js'), ...args], {
      ...unprivileged,
      cwd: '/',
      env: { ...env, NO_COLOR: '1', PATH: '/nowhere', KUBECONFIG: scenario.kubeconfigFile },
    });
  const bigipMesh = (...args: string[]): Promise<Finished> => finished(start(...args));

  before(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    await chmod(scenario.folder, 0o755);
    for (const name of await readdir(scenario.folder)) await chmod(join(scenario.folder, name), 0o644);
    root = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
    await chmod(root, 0o755);
    for (const [from, to] of copiedFiles()) {
      await mkdir(join(root, 'app'), { recursive: true });
      if (from === 'dist') await bundleTo(join(root, to));
      else await cp(join(repositoryRoot, from), join(root, to), { recursive: true });
    }
    await run('chmod', ['-R', 'a-w,a+rX', root]);
  });
  after(async () => {
    await scenario.close();
    await run('chmod', ['-R', 'u+w', root]);
    await rm(root, { recursive: true });
  });

  function bundleTo(folder: string): Promise<unknown> {
    return run('npm', ['run', '--silent', 'bundle', '--', `--outdir=${folder}`], { cwd: repositoryRoot });
  }

  async function contents(folder = join(root, 'app')): Promise<string[]> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const sums = files.map(async (file) => {
      const sum = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      return `${file.slice(folder.length)} ${sum}`;
    });
    return (await Promise.all(sums)).toSorted();
  }

  it('hold the program, the rule and the licence, and no source, test or interpreter of Tcl', async () => {
    const names = (await contents()).map((line) => line.split(' ')[0] ?? '');
    assert.ok(
      names.includes('/bigip-mesh.js') && names.includes('/LICENSE') && names.includes('/package.json'),
    );
    assert.deepEqual(
      names.filter((name) => name.startsWith('/irules/')),
      ['/irules/spiffe_allowlist.tcl'],
    );
    const strange = names.filter((name) => !/^\/(irules\/|LICENSE$|package\.json$|.*\.js$)/.test(name));
    assert.deepEqual(strange, []);
  });

  it('tell version and help without a shell, a PATH or a home', async () => {
    assert.match((await bigipMesh('version')).stdout, /^bigip-mesh \d+\.\d+\.\d+ /);
    assert.equal((await bigipMesh('--help')).exitCode, 0);
  });

  it('apply, prove and find nothing left to do, and write nothing into their tree', async () => {
    const before = await contents();
    const applied = await bigipMesh('apply', '-f', scenario.configFile);
    assert.equal(applied.exitCode, 0, applied.stderr);
    const planned = await bigipMesh('plan', '-f', scenario.configFile, '--detailed-exitcode');
    assert.equal(planned.exitCode, 0, planned.stdout + planned.stderr);
    assert.deepEqual(await contents(), before);
    if ('uid' in unprivileged) assert.equal((await stat(join(root, 'app'))).mode & 0o222, 0);
  });

  it('run the controller until they are told to stop', async () => {
    const controller = start('controller', '-f', scenario.configFile, '--http', '127.0.0.1:0');
    const ended = finished(controller);
    const [, url = ''] = await lineOf(controller, /^ready (http:\S+)$/m);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    controller.kill('SIGTERM');
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 0, stderr);
  });

  it('are the same, byte for byte, when they are built again', async () => {
    const again = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
    try {
      await bundleTo(again);
      const program = (await contents()).filter((line) => line.startsWith('/') && /\.js /.test(line));
      assert.deepEqual(await contents(again), program, basename(again));
    } finally {
      await rm(again, { recursive: true });
    }
  });
});
