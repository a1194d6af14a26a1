import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/**
 * A TCP connection for TLS to run on, whose outgoing bytes can be held back.
 *
 * On a full TLS 1.2 handshake the server's last flight follows the client's certificate: held back until the rules
 * have decided, it is what lets a `reject` in CLIENTSSL_CLIENTCERT reach the client before any Finished message, as
 * on the device. Node has no event at that point.
 */
export class HeldStream extends Duplex {
  readonly #socket: Socket;
  #held: Buffer[] | undefined;

  /** @param received what was read from the socket already. */
  constructor(socket: Socket, received: Buffer) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    if (received.length > 0) this.push(received);
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.once('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
    if (socket.readableEnded) this.push(null);
  }

  /** From now on outgoing bytes wait. */
  hold(): void {
    this.#held ??= [];
  }

  /** Sends what waits, and no longer holds back. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) this.#send(chunk);
  }

  /** What waits, and all that is written from now on, is never sent. */
  discard(): void {
    this.#held = [];
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#held !== undefined) {
      this.#held.push(chunk);
      done();
    } else {
      this.#send(chunk, done);
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #send(chunk: Buffer, done?: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }
}
