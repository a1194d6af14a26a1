import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/** What a server says before a caller is known takes no more than this; the rest is not kept. */
const keptBytes = 64 * 1024;

/** A TCP connection that remembers the first bytes it received, for a TLS socket on top of it. */
export class ObservedStream extends Duplex {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  constructor(socket: Socket) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (this.#received.length < keptBytes) this.#received = Buffer.concat([this.#received, chunk]);
      if (!this.push(chunk)) socket.pause();
    });
    socket.once('end', () => this.push(null));
    socket.once('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
  }

  /** The first bytes that came, at least those of the server's first flight. */
  get received(): Buffer {
    return this.#received;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
