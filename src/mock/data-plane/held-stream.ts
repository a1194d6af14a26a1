import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

const alertRecord = 21;
/** Where the random of a ServerHello begins in its record, and the one that says HelloRetryRequest (RFC 8446 4.1.3). */
const randomOffset = 11;
const helloRetryRequest = Buffer.from(
  'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c',
  'hex',
);

/**
 * A TCP connection for a TLS server to run on, which holds back all that follows the server's first flight.
 *
 * On a full TLS 1.2 handshake the server's last flight answers the client's certificate: held back until the rules
 * have decided, it is what lets a `reject` in CLIENTSSL_CLIENTCERT reach the client before any Finished message, as
 * on the device. Node has no event at that point, and when the client's certificate is broken it sends that flight
 * before it reports the error.
 */
export class HeldStream extends Duplex {
  readonly #socket: Socket;
  #hasAnswered = false;
  #isSecured = false;
  #isReleased = false;
  #held: Buffer[] | undefined;

  /** @param received what was read from the socket already: the whole ClientHello. */
  constructor(socket: Socket, received: Buffer) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.push(received);
    socket.on('data', (chunk: Buffer) => {
      if (this.#hasAnswered && !this.#isReleased) this.#held ??= [];
      if (!this.push(chunk)) socket.pause();
    });
    socket.once('end', () => {
      // Without this, a client that leaves in the middle of the handshake would be waited for.
      if (this.#isSecured) this.push(null);
      else this.destroy();
    });
    socket.on('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
  }

  /** The handshake is over; the client may have no more to say from now on. */
  secured(): void {
    this.#isSecured = true;
  }

  /** What is held back, in the order in which it was written. */
  get held(): Buffer {
    return Buffer.concat(this.#held ?? []);
  }

  /** What is held back, if it is an alert in plain text (RFC 5246 section 6.2.1). */
  get heldAlert(): Buffer | undefined {
    return this.held[0] === alertRecord ? this.held : undefined;
  }

  /** Sends what is held back, and holds back nothing more. */
  release(): void {
    const { held } = this;
    this.#isReleased = true;
    this.#held = undefined;
    if (held.length > 0) this.#socket.write(held);
  }

  /** What is held back, and all that is written from now on, is never sent. */
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
      return;
    }
    // After a HelloRetryRequest the client has to say hello again.
    const random = chunk.subarray(randomOffset, randomOffset + helloRetryRequest.length);
    if (!random.equals(helloRetryRequest)) this.#hasAnswered = true;
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
