import { Agent, request } from 'node:https';
import { connect, createSecureContext } from 'node:tls';
import { parentPort } from 'node:worker_threads';

/*
 * The client's side of a measurement, in a thread of its own, so that its work does not count as the server's.
 */

export type Job =
  | {
      readonly kind: 'handshakes';
      readonly port: number;
      readonly count: number;
      readonly atATime: number;
      readonly ca: string;
      readonly cert: string;
      readonly key: string;
    }
  | {
      readonly kind: 'reads';
      readonly port: number;
      readonly count: number;
      readonly path: string;
      readonly ca: string;
      readonly headers: Readonly<Record<string, string>>;
    };

/** Milliseconds, one a handshake or read; for handshakes one at all: what they took together. */
export type Times = readonly number[];

parentPort?.on('message', (job: Job) => void answer(job));

async function answer(job: Job): Promise<void> {
  const times = job.kind === 'handshakes' ? await handshakes(job) : await reads(job);
  // A worker's port has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(times);
}

async function handshakes(job: Job & { kind: 'handshakes' }): Promise<Times> {
  const { port, ca, cert, key, count, atATime } = job;
  // Made once: reading the certificates takes the client longer than the handshake.
  const secureContext = createSecureContext({ ca, cert, key });
  let left = count;
  const next = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await new Promise<void>((resolve, reject) => {
        const socket = connect(
          { host: '127.0.0.1', port, secureContext, checkServerIdentity: () => undefined },
          () => socket.destroy(),
        );
        socket.once('error', reject);
        socket.once('close', resolve);
      });
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: atATime }, next));
  return [performance.now() - startedAt];
}

async function reads({ port, path, ca, headers, count }: Job & { kind: 'reads' }): Promise<Times> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, checkServerIdentity: () => undefined });
  const times: number[] = [];
  for (let read = 0; read < count; read += 1) {
    const startedAt = performance.now();
    await new Promise<void>((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port, path, headers, agent }, (incoming) => {
        if (incoming.statusCode !== 200) reject(new Error(`status ${incoming.statusCode ?? 0} of ${path}`));
        incoming.resume();
        incoming.once('end', resolve);
      });
      outgoing.once('error', reject);
      outgoing.end();
    });
    times.push(performance.now() - startedAt);
  }
  agent.destroy();
  return times;
}
