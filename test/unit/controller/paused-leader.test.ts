import { strict as assert } from 'node:assert';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import { badCallerId, goodCallerId } from '../../../src/demo/surroundings.js';
import { PausableClock } from '../../support/pausable-clock.js';
import { until } from '../../support/until.js';
import { ControllerBed } from './controller-bed.js';

/** A line to the device that can be stopped: what is sent on it then waits. */
class Line {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #held: Array<() => void> = [];
  #isStopped = false;
  #stopWhen: () => boolean = () => false;
  #markStopped: () => void = () => undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(url: string): Promise<Line> {
    const target = new URL(url);
    const line = new Line(
      createServer((near) => {
        const far = connect(Number(target.port), target.hostname);
        for (const socket of [near, far]) {
          socket.on('error', () => undefined);
          line.#sockets.push(socket);
        }
        near.on('data', (chunk: Buffer) => far.write(chunk));
        far.on('data', (chunk: Buffer) => {
          if (line.#stopWhen()) line.#stop();
          line.#held.push(() => near.write(chunk));
          if (!line.#isStopped) line.goOn();
        });
        near.on('close', () => far.destroy());
        far.on('close', () => near.destroy());
      }),
    );
    await new Promise<void>((resolve) => line.#server.listen(0, '127.0.0.1', resolve));
    return line;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when an answer came of the device after which nothing passes any more, not that answer either. */
  stopWhen(holds: () => boolean): Promise<void> {
    this.#stopWhen = holds;
    return new Promise((resolve) => {
      this.#markStopped = resolve;
    });
  }

  goOn(): void {
    this.#stopWhen = () => false;
    this.#isStopped = false;
    for (const pass of this.#held) pass();
    this.#held = [];
  }

  #stop(): void {
    this.#isStopped = true;
    this.#markStopped();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

describe('two replicas of the controller', function () {
  this.timeout(30_000);
  let bed: ControllerBed;

  beforeEach(async () => {
    bed = await ControllerBed.start();
    await bed.edit('ping', { allow: goodCallerId });
  });
  afterEach(() => bed.close());

  it('write one at a time: the one that stands by sends the device nothing', async () => {
    const first = await bed.startReplica({ holder: 'first' });
    await first.when(({ syncedAt }) => syncedAt !== undefined);
    const second = await bed.startReplica({ holder: 'second' });
    await until(() => second.controller.ready().length === 0);
    const done = first.next();
    await bed.edit('echo', { allow: badCallerId });
    await done;
    assert.match(await first.metrics.render(), /^bigip_mesh_leader 1$/m);
    assert.match(await second.metrics.render(), /^bigip_mesh_leader 0$/m);
    assert.doesNotMatch(await second.metrics.render(), /^bigip_mesh_device_requests_total\{/m);
  });

  it('take over at once from one that stops, and that changes nothing on the device', async () => {
    const first = await bed.startReplica({ holder: 'first' });
    await first.when(({ syncedAt }) => syncedAt !== undefined);
    const second = await bed.startReplica({ holder: 'second' });
    await until(() => second.controller.ready().length === 0);
    await first.stop();
    bed.scenario.bigIp.forgetRequests();
    await second.when(({ syncedAt }) => syncedAt !== undefined);
    assert.deepEqual(bed.deviceWrites, ['POST /mgmt/tm/sys/config']);
  });

  it('cannot undo by a paused leader what the new one did', async () => {
    const { bigIp } = bed.scenario;
    const line = await Line.to(bigIp.url);
    const pausedClock = new PausableClock();
    const otherClock = new PausableClock();
    try {
      const paused = await bed.startReplica({ holder: 'paused', clock: pausedClock, deviceUrl: line.url });
      await paused.when(({ syncedAt }) => syncedAt !== undefined);
      const other = await bed.startReplica({ holder: 'other', clock: otherClock });
      await until(() => other.controller.ready().length === 0);

      // It has read the device, and is about to let a caller in, when it is paused: its line and its clock stand still.
      bigIp.forgetRequests();
      const isOpened = (): boolean => bigIp.requests.some(({ path }) => path === '/mgmt/tm/transaction');
      const stopped = line.stopWhen(isOpened);
      await bed.edit('echo', { allow: `${goodCallerId}\n${badCallerId}` });
      await stopped;
      pausedClock.stop();

      // The operator changes his mind, and the other replica takes over.
      await bed.edit('echo', { allow: goodCallerId, deny: badCallerId });
      otherClock.moveOn(16_000);
      await other.when(({ syncedAt }) => syncedAt !== undefined);
      assert.equal(await bed.call('echo', badCallerId), 'refused');

      const ended = paused.next();
      line.goOn();
      const status = await ended;
      assert.equal(status.failure?.code, 'MESH_ERR_PLAN_OUTDATED');
      assert.equal(await bed.call('echo', badCallerId), 'refused');
    } finally {
      line.close();
    }
  });
});
