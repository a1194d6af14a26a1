import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../src/clock.js';
import { runConformanceCommand } from '../../../src/conformance/run.js';
import { startBench } from '../mock/bench.js';
import type { Bench } from '../mock/bench.js';

const password = 'agent-password';

describe('npm run conformance', () => {
  let bench: Bench;
  let folder: string;
  before(async () => {
    bench = await startBench();
    folder = await mkdtemp(join(tmpdir(), 'conformance-'));
    await writeFile(join(folder, 'password'), `${password}\n`);
    await writeFile(join(folder, 'device.crt'), bench.device.certificatePem);
  });
  after(async () => {
    await bench.close();
    await rm(folder, { recursive: true });
  });

  async function run(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const exitCode = await runConformanceCommand(args, {
      stdout,
      stderr,
      clock: systemClock,
      signal: new AbortController().signal,
    });
    stdout.end();
    stderr.end();
    return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
  }
  const login = (): string[] => ['--user', 'agent', '--password-file', join(folder, 'password')];
  const device = (): string[] => ['--url', bench.device.url, '--ca', join(folder, 'device.crt')];

  it('prints a line a check and the totals, and ends with 0 when nothing failed', async () => {
    const { exitCode, stdout } = await run(...device(), ...login());
    assert.equal(exitCode, 0);
    assert.match(stdout, /^ok {7}a login answers with a token/m);
    assert.match(stdout, /^skipped {2}a POST answers 200 .*: needs --write$/m);
    assert.match(stdout, /\n\d+ ok, 0 failed, \d+ skipped\n$/);
  });

  it('says what it expected and what it saw, and ends with 1, when something failed', async () => {
    bench.device.faults.inject({ fault: 'mcpd-restart', path: '/mgmt/tm/sys/ready', times: 1 });
    const { exitCode, stdout } = await run(...device(), ...login());
    assert.equal(exitCode, 1);
    assert.match(stdout, /^FAIL {5}sys\/ready says yes .*: expected .*, seen .* \(recorded, 14\.1\.2\.1\)$/m);
  });

  it('gives the same as JSON, for a lab to keep', async () => {
    const { exitCode, stdout } = await run(...device(), ...login(), '--write', '--output', 'json');
    assert.equal(exitCode, 0);
    const { checks } = JSON.parse(stdout) as { checks: Array<Record<string, string>> };
    assert.deepEqual(Object.keys(checks[0] ?? {}), ['group', 'name', 'evidence', 'outcome']);
    assert.deepEqual([...new Set(checks.map(({ outcome }) => outcome))], ['ok', 'skipped']);
  });

  it('prints neither password nor token, whatever happens', async () => {
    for (const more of [[], ['--output', 'json'], ['--write']]) {
      const { stdout, stderr } = await run(...device(), ...login(), ...more);
      assert.doesNotMatch(stdout + stderr, new RegExp(`${password}|[A-Z2-7]{26}`));
    }
  });

  it('refuses wrong usage with 3 and the next step, before it asks anything', async () => {
    bench.device.forgetRequests();
    const wrong = [
      [],
      ['--url', 'http://192.0.2.1'],
      [...device(), '--user', 'agent'],
      [...device(), '--sha256', '00'],
      [...device(), '--write'],
      [...device(), '--output', 'yaml'],
      [...device(), '--wriet'],
      ['--url', bench.device.url, '--ca', join(folder, 'absent')],
      ['--url', bench.device.url, '--sha256', 'nonsense'],
    ];
    for (const args of wrong) {
      const { exitCode, stderr } = await run(...args);
      assert.equal(exitCode, 3, args.join(' '));
      assert.match(stderr, /^error: .+\n {2}.+ \(MESH_ERR_\w+\)\n$/);
    }
    assert.deepEqual(bench.device.requests, []);
  });

  it('explains itself', async () => {
    const { exitCode, stdout } = await run('--help');
    assert.equal(exitCode, 0);
    assert.match(stdout, /--password-file FILE/);
  });

  const endings: Readonly<Record<string, (child: ChildProcessWithoutNullStreams) => unknown>> = {
    'is interrupted': (child) => child.kill('SIGINT'),
    'has lost its reader': (child) => child.stdout.destroy(),
  };
  for (const [how, end] of Object.entries(endings)) {
    it(`runs as a process of its own, and removes what it made when it ${how}`, async () => {
      const main = fileURLToPath(new URL('../../../src/conformance/main.js', import.meta.url));
      const child = spawn(process.execPath, [main, ...device(), ...login(), '--write']);
      let complaint = '';
      child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk: Buffer) => {
          if (chunk.toString().includes('a POST answers 200')) resolve();
        });
      });
      end(child);
      const [exitCode] = (await once(child, 'close')) as [number];
      assert.equal(exitCode, 1);
      assert.equal(complaint, '');
      assert.equal((await bench.client.get('/mgmt/tm/auth/partition/mesh_conformance')).status, 404);
    });
  }
});
