import { backOffMs } from '../back-off.js';
import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { FetchedSvid, IdentitySource, SvidRequest } from './identity-source.js';

interface Wait {
  readonly failures: number;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly error: AgentError;
}

/** The source as a whole does not answer. */
interface Outage extends Wait {
  /** For whom it was asked last. */
  readonly probe: string;
  /** Whether others were refused since. */
  isAwaitedByOthers: boolean;
}

/** As long as the work queue's own: an outage of a minute is not answered by five minutes of silence. */
const backOff = { firstMs: 1000, longestMs: 300_000 };

/**
 * Spares an identity source that fails: what it was asked in vain is not asked again at once, and it answers with the
 * failure of before meanwhile. After one second it is asked again, then after two, up to five minutes.
 *
 * A failure that may pass by itself (the CA is away) counts for the source as a whole: while it lasts, one request at a
 * time finds out whether it is over, however many services wait for a certificate. Any other counts for the one SPIFFE
 * ID, and only where keys are made: to read a secret or a file again costs nobody anything.
 */
export class SourceBackOff {
  readonly #clock: Clock;
  readonly #random: () => number;
  #outage: Outage | undefined;
  #isProbed = false;
  readonly #bySpiffeId = new Map<string, Wait>();

  /** @param options.random from 0 up to but not including 1 */
  constructor({ clock, random }: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The same source, spared. */
  spare(source: IdentitySource): IdentitySource {
    return {
      name: source.name,
      canImpersonate: source.canImpersonate,
      mintsKeys: source.mintsKeys,
      sparedFor: ({ text }) => this.#waitOf(text)?.error,
      fetchTrustBundle: (signal) => source.fetchTrustBundle(signal),
      fetchSvid: (request, signal) => this.#fetch(source, request, signal),
    };
  }

  /** What the source gives has changed: everything may be asked again at once. */
  forget(): void {
    this.#outage = undefined;
    this.#bySpiffeId.clear();
  }

  async #fetch(source: IdentitySource, request: SvidRequest, signal: AbortSignal): Promise<FetchedSvid> {
    const id = request.spiffeId.text;
    const waiting = this.#waitOf(id);
    if (waiting !== undefined) throw again(waiting.error);
    const isProbe = this.#outage !== undefined;
    this.#isProbed ||= isProbe;
    try {
      const fetched = await source.fetchSvid(request, signal);
      this.#outage = undefined;
      this.#bySpiffeId.delete(id);
      return fetched;
    } catch (error) {
      if (!signal.aborted && error instanceof AgentError) this.#note(source, id, error);
      throw error;
    } finally {
      if (isProbe) this.#isProbed = false;
    }
  }

  #waitOf(id: string): Wait | undefined {
    const nowMs = this.#clock.now().getTime();
    const outage = this.#outage;
    if (outage !== undefined) {
      if (outage.probe !== id) {
        if (!this.#isProbed && nowMs >= outage.untilMs) return undefined;
        outage.isAwaitedByOthers = true;
        return outage;
      }
      // The failure may be of this one alone, and the others are not to wait for ever because it is first each time.
      const untilMs = outage.untilMs + (outage.isAwaitedByOthers ? outage.untilMs - outage.sinceMs : 0);
      return this.#isProbed || nowMs < untilMs ? outage : undefined;
    }
    const own = this.#bySpiffeId.get(id);
    return own !== undefined && nowMs < own.untilMs ? own : undefined;
  }

  #note(source: IdentitySource, id: string, error: AgentError): void {
    if (error.consequence === 'transient') {
      const wait = this.#wait(this.#outage, error);
      this.#outage = { ...wait, probe: id, isAwaitedByOthers: false };
      return;
    }
    // It answered.
    this.#outage = undefined;
    if (source.mintsKeys) this.#bySpiffeId.set(id, this.#wait(this.#bySpiffeId.get(id), error));
  }

  #wait(before: Wait | undefined, error: AgentError): Wait {
    const failures = (before?.failures ?? 0) + 1;
    const sinceMs = this.#clock.now().getTime();
    return { failures, sinceMs, untilMs: sinceMs + backOffMs(backOff, failures, this.#random), error };
  }
}

/** Each has a stack of its own. */
function again({ code, message, nextStep }: AgentError): AgentError {
  return new AgentError(code, message, nextStep);
}
