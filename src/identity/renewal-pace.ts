import type { Clock } from '../clock.js';

/** A renewal that is due. */
export interface DueRenewal {
  readonly service: string;
  /** SHA-256 of the certificate in use. */
  readonly fingerprint256: string;
  /** When it expires. */
  readonly notAfter: Date;
}

interface RenewalPaceOptions {
  readonly clock: Clock;
  /** How many renewals begin, and how many end, within any `periodMs`. */
  readonly most?: number;
  readonly periodMs?: number;
}

interface Place {
  readonly device: string;
  readonly service: string;
  readonly takenAtMs: number;
  /** Infinity while the renewal is under way. */
  freeAfterMs: number;
}

interface Known {
  readonly device: string;
  readonly service: string;
  readonly fingerprint256: string;
  readonly notAfterMs: number;
  /** How often it was let begin for this certificate, which is still in use. */
  tries: number;
  /** When it is expected to ask again; undefined since it was let begin. */
  turnAtMs: number | undefined;
}

/** How long a place is kept for a renewal that comes first and is about to ask. */
const aheadMs = 2000;
/** And for one that should have asked: its device may be away, or another replica's. */
const lateMs = 30_000;

/**
 * Lets renewals of one process begin at a pace that neither the mesh CA nor a device suffers from, whatever became due
 * at once: by default five in any ten seconds, over all devices.
 *
 * A renewal has its place from its beginning until ten seconds after its end, so that the bound holds for requests to
 * the CA and for changes on devices alike. First comes what was not tried yet, then what expires first: certificates
 * that cannot be renewed keep none waiting that can.
 */
export class RenewalPace {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #periodMs: number;
  #places: Place[] = [];
  /** How long a renewal lasts, by the last one that ended. */
  #lastedMs = 0;
  readonly #known = new Map<string, Known>();

  constructor({ clock, most = 5, periodMs = 10_000 }: RenewalPaceOptions) {
    this.#clock = clock;
    this.#most = most;
    this.#periodMs = periodMs;
  }

  /** @returns the services whose renewals may begin now; the others ask again at `nextTurn` */
  admit(device: string, due: readonly DueRenewal[]): ReadonlySet<string> {
    const nowMs = this.#clock.now().getTime();
    this.#places = this.#places.filter(({ freeAfterMs }) => freeAfterMs >= nowMs);
    const underWay = this.#places.filter(
      (place) => place.device === device && place.freeAfterMs === Infinity,
    );
    const admitted = new Set(underWay.map(({ service }) => service));
    const asking = new Set<Known>();
    for (const { service, fingerprint256, notAfter } of due) {
      if (admitted.has(service)) continue;
      const key = `${device}/${service}`;
      const before = this.#known.get(key);
      const tries = before?.fingerprint256 === fingerprint256 ? before.tries : 0;
      const known = {
        device,
        service,
        fingerprint256,
        notAfterMs: notAfter.getTime(),
        tries,
        turnAtMs: nowMs,
      };
      this.#known.set(key, known);
      asking.add(known);
    }
    const first = this.#waiting(nowMs)
      .filter((known) => asking.has(known) || (known.turnAtMs ?? Infinity) <= nowMs + aheadMs)
      .slice(0, this.#most - this.#places.length);
    for (const known of first) {
      if (!asking.has(known)) continue;
      const { service } = known;
      admitted.add(service);
      known.tries += 1;
      known.turnAtMs = undefined;
      this.#places.push({ device, service, takenAtMs: nowMs, freeAfterMs: Infinity });
    }
    return admitted;
  }

  /** All renewals of the device that were under way have ended, well or not. */
  ended(device: string): void {
    const nowMs = this.#clock.now().getTime();
    for (const place of this.#places) {
      if (place.device !== device || place.freeAfterMs !== Infinity) continue;
      place.freeAfterMs = nowMs + this.#periodMs;
      this.#lastedMs = nowMs - place.takenAtMs;
    }
  }

  /** When the first renewal of the device that was refused is to ask again; now if there is none. */
  nextTurn(device: string): Date {
    const nowMs = this.#clock.now().getTime();
    const roundMs = this.#lastedMs + this.#periodMs + 1;
    const busy = this.#places.map(({ takenAtMs, freeAfterMs }) =>
      freeAfterMs === Infinity ? Math.max(nowMs, takenAtMs + roundMs) : freeAfterMs + 1,
    );
    const free = Array.from({ length: this.#most - busy.length }, () => nowMs);
    const turns = [...free, ...busy].toSorted((a, b) => a - b);
    let soonestMs = Infinity;
    for (const [rank, known] of this.#waiting(nowMs).entries()) {
      if (known.device !== device) continue;
      const rounds = Math.floor(rank / this.#most);
      known.turnAtMs = Math.max(nowMs, (turns[rank % this.#most] ?? nowMs) + rounds * roundMs);
      soonestMs = Math.min(soonestMs, known.turnAtMs);
    }
    return new Date(soonestMs === Infinity ? nowMs : soonestMs);
  }

  /** Another replica looks after the device now. */
  forget(device: string): void {
    this.ended(device);
    for (const [key, known] of this.#known) if (known.device === device) this.#known.delete(key);
  }

  #waiting(nowMs: number): Known[] {
    return [...this.#known.values()]
      .filter(({ turnAtMs }) => turnAtMs !== undefined && nowMs <= turnAtMs + lateMs)
      .toSorted((a, b) => a.tries - b.tries || a.notAfterMs - b.notAfterMs);
  }
}
