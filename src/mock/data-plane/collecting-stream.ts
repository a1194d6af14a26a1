import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import { callbackify } from 'node:util';

/**
 * A caller's bytes on their way to the pool member, which a rule may collect, look at and release
 * (`SSL::collect`, `TCP::collect`).
 */
export class CollectingStream extends Transform {
  readonly #onCollected: (payload: Buffer) => Promise<void>;
  /** How many bytes the rule waits for; undefined while it does not collect. */
  #wanted: number | undefined;
  #collected = Buffer.alloc(0);
  #whenPassing: Array<() => void> = [];

  /** @param onCollected runs the data event; it calls `collect` and `release` as the rule asks. */
  constructor(onCollected: (payload: Buffer) => Promise<void>) {
    super();
    this.#onCollected = onCollected;
  }

  /** @param length 0 is any. */
  collect(length: number): void {
    this.#wanted = Math.max(length, 1);
  }

  /** Lets bytes go; what is collected beyond them goes with the next release, or with the last one. */
  release(length: number): void {
    this.push(this.#collected.subarray(0, length));
    this.#collected = this.#collected.subarray(length);
    this.#wanted = undefined;
  }

  /** Resolves when no rule collects, or when the caller has no more to say. */
  passing(): Promise<void> {
    if (this.#wanted === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#whenPassing.push(resolve));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    callbackify(() => this.#take(chunk))(done);
  }

  override _flush(done: TransformCallback): void {
    this.#settle();
    done();
  }

  async #take(chunk: Buffer): Promise<void> {
    this.#collected = Buffer.concat([this.#collected, chunk]);
    if (this.#wanted !== undefined && this.#collected.length >= this.#wanted) {
      await this.#onCollected(this.#collected);
    }
    if (this.#wanted !== undefined) return;
    this.push(this.#collected);
    this.#collected = Buffer.alloc(0);
    this.#settle();
  }

  #settle(): void {
    for (const resolve of this.#whenPassing.splice(0)) resolve();
  }
}
