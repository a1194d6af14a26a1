import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { bigipMesh, run, startBigipMesh } from '../../support/command.js';
import { repositoryRoot } from '../../support/shared-data.js';
import { until } from '../../support/until.js';

describe('the command line', function () {
  this.timeout(20_000);

  it('prints its help, and the commands with it, with exit code 0', async () => {
    const { exitCode, stdout } = await bigipMesh(['--help']);
    assert.equal(exitCode, 0);
    for (const command of [
      'demo',
      'apply',
      'plan',
      'verify',
      'rotate',
      'register',
      'deregister',
      'mock',
      'version',
    ]) {
      assert.match(stdout, new RegExp(`^ {2}${command}\\b`, 'm'));
    }
  });

  it('tells its version, as text and as JSON', async () => {
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
      version: string;
    };
    assert.match((await bigipMesh(['version'])).stdout, new RegExp(`^bigip-mesh ${version} `));
    const json = JSON.parse((await bigipMesh(['version', '-o', 'json'])).stdout) as { version: string };
    assert.equal(json.version, version);
  });

  it('goes on when its reader goes away, instead of ending as if all were done', async () => {
    const port = await freePort();
    const child = startBigipMesh(['mock', '--listen', `127.0.0.1:${port}`, '--user', 'admin:x']);
    child.stdout.destroy();
    try {
      // It says that it is ready first, to nobody.
      await until(async () => child.exitCode !== null || (await isAnswered(port)));
      assert.equal(child.exitCode, null);
    } finally {
      if (child.exitCode === null && child.kill()) await once(child, 'close');
    }
  });

  const wrongUsage: ReadonlyArray<[what: string, args: readonly string[], says: RegExp]> = [
    [
      'an unknown command, with the nearest one',
      ['aply'],
      /unknown command 'aply'\n\(Did you mean apply\?\)/,
    ],
    [
      'an unknown flag, with the nearest one',
      ['apply', '-f', 'x', '--fil', 'y'],
      /unknown option '--fil'\n\(Did you mean --file\?\)/,
    ],
    ['a missing config file', ['apply'], /required option '-f, --file <config>' not specified/],
    ['an output format that does not exist', ['version', '-o', 'xml'], /Allowed choices are text, json/],
    [
      'an address that is none',
      ['mock', '--listen', 'here', '--user', 'a:b'],
      /write it like 127\.0\.0\.1:8443/,
    ],
    [
      'a user without password',
      ['mock', '--listen', '127.0.0.1:0', '--user', 'admin'],
      /write it like admin:secret/,
    ],
    [
      'a TMOS version that the mock does not speak',
      ['mock', '--tmos-version', '9'],
      /Allowed choices are 13\.1/,
    ],
    [
      'a config file that does not exist',
      ['plan', '-f', '/nowhere.yaml'],
      /\/nowhere\.yaml cannot be read \(ENOENT\)/,
    ],
  ];
  for (const [what, args, says] of wrongUsage) {
    it(`refuses ${what} with exit code 3`, async () => {
      const { exitCode, stdout, stderr } = await bigipMesh(args);
      assert.equal(exitCode, 3, stderr);
      assert.match(stderr, says);
      assert.equal(stdout, '');
    });
  }

  it('reports errors as JSON when asked to', async () => {
    const { exitCode, stdout } = await bigipMesh(['plan', '-f', '/nowhere.yaml', '--output', 'json']);
    assert.equal(exitCode, 3);
    const { error } = JSON.parse(stdout) as { error: { code: string; nextStep: string } };
    assert.equal(error.code, 'MESH_ERR_CONFIG_UNREADABLE');
    assert.notEqual(error.nextStep, '');
  });

  it('writes no colour codes into a pipe', async () => {
    const { stdout } = await bigipMesh(['--help']);
    assert.ok(!stdout.includes('\u001B['));
  });

  it('ends quietly when its reader goes away', async () => {
    const main = join(repositoryRoot, 'build', 'src', 'main.js');
    const { stderr } = await run('sh', ['-c', `"${process.execPath}" "${main}" --help | head -n 1`]);
    assert.equal(stderr, '');
  });

  it('is the package binary', async () => {
    const { exitCode, stdout } = await run('npx', ['--no-install', 'bigip-mesh', 'version']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^bigip-mesh /);
  });
});

/** One that the kernel has just given and taken back. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isAnswered(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, rejectUnauthorized: false, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(true));
    }).once('error', () => resolve(false));
  });
}
