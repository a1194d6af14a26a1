import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../clock.js';
import { linkSignals } from '../../linked-signal.js';
import type { ConfigObject } from '../config/configuration.js';
import type { Probe, ProbeOutcome } from '../data-plane/probe.js';
import type { HealthReport } from '../resources/resource-kind.js';
import { targetKey } from './monitored-targets.js';
import type { MonitoredTarget, Watch } from './monitored-targets.js';

interface HealthMonitorsOptions {
  /** Absent: nobody is asked, and what is monitored stays in `checking`. */
  readonly probe?: (probe: Probe, signal: AbortSignal) => Promise<ProbeOutcome>;
  readonly clock: Clock;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Told when something went up or down. */
  readonly onChange: () => void;
}

type Finding = { readonly state: 'up' | 'down' | 'checking'; readonly reason: string };

const checking: Finding = { state: 'checking', reason: '' };

/** One watch that is kept. */
interface Running {
  readonly watch: Watch;
  readonly ending: AbortController;
  finding: Finding;
}

interface Target {
  readonly minimum: number;
  readonly watches: readonly Running[];
}

/**
 * What bigd is: it asks each monitored node and pool member every `interval` seconds whether it serves. One that
 * resets is down at once; one that keeps silent is down when its `timeout` has passed since it last answered.
 */
export class HealthMonitors {
  readonly #options: HealthMonitorsOptions;
  #targets = new Map<string, Target>();

  constructor(options: HealthMonitorsOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.watch([]), { once: true });
  }

  /** Looks after these and nothing else; what did not change goes on with what it knows. */
  watch(wanted: readonly MonitoredTarget[]): void {
    if (this.#options.probe === undefined) return;
    const before = this.#targets;
    const kept = new Set<Running>();
    this.#targets = new Map(
      (this.#options.signal.aborted ? [] : wanted).map(({ key, watches, minimum }) => {
        const known = before.get(key)?.watches ?? [];
        const running = watches.map((watch) => {
          const same = known.find((other) => !kept.has(other) && isDeepStrictEqual(other.watch, watch));
          const next = same ?? this.#start(watch);
          kept.add(next);
          return next;
        });
        return [key, { minimum, watches: running }];
      }),
    );
    for (const { watches } of before.values()) {
      for (const running of watches) if (!kept.has(running)) running.ending.abort();
    }
  }

  /** What is known of a node or pool member; undefined when no monitor looks after it. */
  reportOf(object: ConfigObject): HealthReport | undefined {
    const target = this.#targets.get(targetKey(object));
    if (target === undefined) return undefined;
    const asked = target.watches.filter(({ watch }) => watch.probe !== undefined);
    if (asked.length === 0) return { state: 'unchecked', reason: '' };
    const count = (state: Finding['state']) => asked.filter(({ finding }) => finding.state === state).length;
    // A monitor that the mock cannot carry out does not stand in the way of the others.
    const needed = Math.min(target.minimum, asked.length);
    if (count('up') >= needed) return { state: 'up', reason: '' };
    if (count('up') + count('checking') >= needed) return { state: 'checking', reason: '' };
    return { state: 'down', reason: asked.map(({ finding }) => finding.reason).join('') };
  }

  #start(watch: Watch): Running {
    const running: Running = { watch, ending: new AbortController(), finding: checking };
    const { probe } = watch;
    if (probe !== undefined) {
      // It ends by the signal alone.
      this.#look(running, probe).catch(() => undefined);
    }
    return running;
  }

  async #look(running: Running, probe: Probe): Promise<void> {
    const { clock } = this.#options;
    const { signal } = running.ending;
    let deadline = this.#startDeadline(running);
    while (!signal.aborted) {
      const attempt = new AbortController();
      const seconds =
        running.finding.state === 'up' ? running.watch.upIntervalSeconds : running.watch.intervalSeconds;
      const next = clock.sleep(seconds * 1000, signal);
      const interrupted = next.then(
        () => 'silent' as const,
        () => 'silent' as const,
      );
      const outcome = await Promise.race([this.#ask(probe, attempt.signal), interrupted]);
      attempt.abort();
      if (signal.aborted) break;
      if (outcome === 'up') {
        deadline.abort();
        this.#find(running, { state: 'up', reason: '' });
        deadline = this.#startDeadline(running);
      } else if (outcome === 'refused') {
        deadline.abort();
        this.#find(running, this.#down(running.watch, 'Unable to connect'));
      }
      await next;
    }
  }

  /** What goes wrong on the way counts as no answer. */
  async #ask(probe: Probe, signal: AbortSignal): Promise<ProbeOutcome> {
    try {
      return (await this.#options.probe?.(probe, signal)) ?? 'silent';
    } catch {
      return 'silent';
    }
  }

  #startDeadline(running: Running): AbortController {
    const deadline = new AbortController();
    const { signal, unlink } = linkSignals(deadline.signal, running.ending.signal);
    this.#options.clock
      .sleep(running.watch.timeoutSeconds * 1000, signal)
      .then(
        () =>
          this.#find(running, this.#down(running.watch, 'No successful responses received before deadline.')),
        () => undefined,
      )
      .finally(unlink);
    return deadline;
  }

  #down({ monitor }: Watch, what: string): Finding {
    const at = this.#options.clock.now().toISOString();
    const time = `${at.slice(0, 10).replaceAll('-', '/')} ${at.slice(11, 19)}`;
    return { state: 'down', reason: `${monitor}: ${what} @${time}. ` };
  }

  /** The time and reason of the first finding stand until the state changes. */
  #find(running: Running, finding: Finding): void {
    if (running.finding.state === finding.state) return;
    running.finding = finding;
    this.#options.onChange();
  }
}
