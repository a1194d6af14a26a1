import { strict as assert } from 'node:assert';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bigipMesh, lineOf, startBigipMesh } from '../support/command.js';

describe('the mock BIG-IP as a command', function () {
  this.timeout(30_000);
  const user = ['--user', 'admin:secret'];
  let folder: string;
  let running: ChildProcessWithoutNullStreams[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
  });
  afterEach(async () => {
    for (const child of running) await stop(child);
    running = [];
    await rm(folder, { recursive: true });
  });

  function start(...args: string[]): ChildProcessWithoutNullStreams {
    const child = startBigipMesh(['mock', '--listen', '127.0.0.1:0', ...user, ...args]);
    running.push(child);
    return child;
  }

  async function stop(child: ChildProcessWithoutNullStreams): Promise<number | null> {
    if (child.exitCode === null) {
      child.kill();
      await once(child, 'close');
    }
    return child.exitCode;
  }

  const ready = async (child: ChildProcessWithoutNullStreams): Promise<string> =>
    (await lineOf(child, /^ready (\S+)$/m))[1] ?? '';

  async function call(
    url: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; text: string }> {
    // The certificate is new with each start and its fingerprint is printed; who it is matters to no test here.
    const message = request(new URL(path, url), {
      method,
      auth: 'admin:secret',
      rejectUnauthorized: false,
      headers: { 'Content-Type': 'application/json' },
    });
    message.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(message, 'response')) as [import('node:http').IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, text };
  }

  it('ends with exit code 0 when it is interrupted', async () => {
    const child = start();
    await ready(child);
    assert.equal(await stop(child), 0);
  });

  it('keeps what was saved over a restart, and nothing else', async () => {
    const first = start('--state', folder);
    const url = await ready(first);
    await call(url, 'POST', '/mgmt/tm/ltm/node', { name: 'saved', address: '10.0.0.1' });
    await call(url, 'POST', '/mgmt/tm/sys/config', { command: 'save' });
    await call(url, 'POST', '/mgmt/tm/ltm/node', { name: 'unsaved', address: '10.0.0.2' });
    await stop(first);
    const again = await ready(start('--state', folder));
    assert.equal((await call(again, 'GET', '/mgmt/tm/ltm/node/~Common~saved')).status, 200);
    assert.equal((await call(again, 'GET', '/mgmt/tm/ltm/node/~Common~unsaved')).status, 404);
  });

  it('injects a fault that a flag names', async () => {
    const url = await ready(start('--fault', 'async-task,times=1,path=/mgmt/tm/ltm'));
    assert.equal((await call(url, 'GET', '/mgmt/tm/ltm/pool')).status, 503);
    assert.equal((await call(url, 'GET', '/mgmt/tm/ltm/pool')).status, 200);
  });

  it('is a pair of units with --ha, of which one is active', async () => {
    const child = start('--ha', '127.0.0.1:0');
    const [, one = '', two = ''] = await lineOf(child, /^ready (\S+)\nready (\S+)$/m);
    const states = await Promise.all(
      [one, two].map(async (url) => (await call(url, 'GET', '/mgmt/tm/cm/failover-status')).text),
    );
    const words = new Set(states.map((text) => /"(ACTIVE|STANDBY)"/.exec(text)?.[1]));
    assert.deepEqual(words, new Set(['ACTIVE', 'STANDBY']));
  });

  it('names the faults that there are when it is asked for another', async () => {
    const finished = await bigipMesh(['mock', '--listen', '127.0.0.1:0', ...user, '--fault', 'earthquake']);
    assert.equal(finished.exitCode, 3);
    assert.match(finished.stderr, /"earthquake" is no fault; there are: latency, /);
  });
});
