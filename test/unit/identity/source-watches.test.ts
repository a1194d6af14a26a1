import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { status } from '@grpc/grpc-js';

import { systemClock } from '../../../src/clock.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { FileWatch } from '../../../src/identity/file-watch.js';
import { WorkloadApiWatch } from '../../../src/identity/workload-api-watch.js';
import { served, WorkloadApiServer } from '../../support/workload-api-server.js';

/** Counts what a watch tells, and lets a test wait for it. */
class Told {
  count = 0;
  #wake: () => void = () => undefined;
  readonly tell = (): void => {
    this.count += 1;
    this.#wake();
  };
  async until(count: number): Promise<void> {
    while (this.count < count) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

describe('FileWatch', () => {
  let folder: string;
  let told: Told;
  let stop: AbortController;
  let running: Promise<void>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'watched-'));
    told = new Told();
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort(new Error('the test is over'));
    await running;
    await rm(folder, { recursive: true });
  });

  /** Resolves when it has looked once: it sleeps then. */
  async function watch(...paths: string[]): Promise<void> {
    await new Promise<void>((resolve) => {
      const sleep: typeof systemClock.sleep = (ms, signal) => {
        resolve();
        return systemClock.sleep(ms, signal);
      };
      const clock = { ...systemClock, sleep };
      running = new FileWatch({ paths, onChange: told.tell, clock }).run(stop.signal);
    });
  }

  it('tells of a file that is written, replaced by renaming, and removed', async () => {
    const path = join(folder, 'tls.crt');
    await writeFile(path, 'one');
    await watch(path);
    await writeFile(path, 'the second');
    await told.until(1);
    await writeFile(join(folder, 'new'), 'three');
    await rename(join(folder, 'new'), path);
    await told.until(2);
    await rm(path);
    await told.until(3);
  });

  it('tells of a link that Kubernetes swaps under a volume', async () => {
    for (const [version, text] of [
      ['..1', 'one'],
      ['..2', 'the second'],
    ] as const) {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, 'tls.crt'), text);
    }
    await symlink('..1', join(folder, '..data'));
    await symlink('..data/tls.crt', join(folder, 'tls.crt'));
    await watch(join(folder, 'tls.crt'));
    await symlink('..2', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    await told.until(1);
  });

  it('tells nothing of other files in the folder', async () => {
    const path = join(folder, 'tls.crt');
    await writeFile(path, 'one');
    await watch(path);
    await writeFile(join(folder, 'log'), 'a line');
    await writeFile(path, 'the second');
    await told.until(1);
    await writeFile(path, 'the third one');
    await told.until(2);
    assert.equal(told.count, 2);
  });
});

describe('WorkloadApiWatch', () => {
  const id = 'spiffe://cluster.local/ns/default/sa/bigip';
  let api: WorkloadApiServer;
  let told: Told;
  let stop: AbortController;
  let running: Promise<void>;
  let slept: number[];
  let asleep: Told;
  beforeEach(async () => {
    api = await WorkloadApiServer.start();
    told = new Told();
    asleep = new Told();
    stop = new AbortController();
    slept = [];
  });
  afterEach(async () => {
    stop.abort(new Error('the test is over'));
    await running;
    await api.close();
  });
  const watch = (): void => {
    const clock = {
      ...systemClock,
      sleep: (ms: number): Promise<void> => {
        slept.push(ms);
        asleep.tell();
        return new Promise((resolve) => setImmediate(resolve));
      },
    };
    const options = { address: api.address, onChange: told.tell, clock, random: () => 0 };
    running = new WorkloadApiWatch(options).run(stop.signal);
  };

  it('tells of a rotated SVID and of a changed bundle, at once, and not of the state that it meets', async () => {
    const ca = await MeshCa.create({ now: new Date() });
    const next = await MeshCa.create({ now: new Date(), cluster: 'next' });
    const first = await ca.mint(id);
    api.serve([served(first, [ca.rootCertificate])]);
    watch();
    await api.untilSomebodyListens();
    api.serve([served(await ca.mint(id), [ca.rootCertificate])]);
    await told.until(1);
    const last = served(await ca.mint(id), [ca.rootCertificate, next.rootCertificate]);
    api.serve([last]);
    await told.until(2);
    api.serve([last]);
    api.serve([served(first, [ca.rootCertificate])]);
    await told.until(3);
    assert.equal(told.count, 3);
  });

  it('connects again, later each time, and tells when the state is another one then', async () => {
    const ca = await MeshCa.create({ now: new Date() });
    const failure = { code: status.UNAVAILABLE, message: 'starting' };
    api.failNext(failure, failure, failure);
    api.serve([served(await ca.mint(id), [ca.rootCertificate])]);
    watch();
    await api.untilSomebodyListens();
    assert.deepEqual(slept, [1000, 2000, 4000]);
    assert.equal(told.count, 0);
  });
});
