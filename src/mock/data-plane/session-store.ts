import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.js';

/** How many bytes Node wants as ticket keys. */
const ticketKeyBytes = 48;

interface StoredSession {
  readonly session: Buffer;
  readonly storedAt: number;
}

/**
 * The TLS sessions of one client SSL profile: by session ID, and the keys of its tickets.
 *
 * It outlives changes of the profile, so that a rule must cope with a caller who comes back on an old session.
 */
export class SessionStore {
  readonly ticketKeys = randomBytes(ticketKeyBytes);
  readonly #clock: Clock;
  readonly #sessions = new Map<string, StoredSession>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(id: Buffer, session: Buffer, cacheSize: number): void {
    this.#sessions.set(id.toString('hex'), { session, storedAt: this.#clock.now().getTime() });
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= cacheSize) break;
      this.#sessions.delete(oldest);
    }
  }

  find(id: Buffer, timeoutSeconds: number): Buffer | undefined {
    const found = this.#sessions.get(id.toString('hex'));
    if (found === undefined) return undefined;
    const age = this.#clock.now().getTime() - found.storedAt;
    return age < timeoutSeconds * 1000 ? found.session : undefined;
  }

  drop(id: Buffer): void {
    this.#sessions.delete(id.toString('hex'));
  }
}
