import { loadRule } from '../../../src/irule/load-rule.js';
import type { DataGroupRecord } from '../../../src/irule/data-groups.js';
import { RuleEngine } from '../../../src/mock/tcl/rule-engine.js';
import type { Effect, Facts, Flow } from '../../../src/mock/tcl/rule-engine.js';
import { counterFields } from '../../../src/reconcile/counters-profile.js';

export const virtualServer = '/mesh/echo';
export const rulePath = '/mesh/spiffe_allowlist';
/** The statistics profile of the virtual server. */
export const countersPath = '/mesh/echo_counters';

/** What stands in the three data groups; a group that is undefined is not there at all. */
export interface Groups {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

export const enforcing: Readonly<Record<string, string>> = {
  mode: 'enforce',
  'trust-domain/cluster.local': '1',
};
export const auditing: Readonly<Record<string, string>> = { ...enforcing, mode: 'audit' };

/** What became of one caller. */
export interface Outcome {
  /** The connection reached the pool member. */
  readonly passes: boolean;
  readonly lines: readonly string[];
  readonly effects: readonly Effect[];
  /** The event in which it ended; undefined when it passes. */
  readonly endedIn: string | undefined;
}

export interface Caller {
  readonly certificates?: readonly Buffer[];
  readonly verifyResult?: number;
  /** A resumed session has no CLIENTSSL_CLIENTCERT. */
  readonly isResumed?: boolean;
  /** The virtual server does not carry its statistics profile. */
  readonly isUncounted?: boolean;
}

/** The rule in a Tcl interpreter, without sockets: events in, decisions out. */
export class RuleBench {
  readonly engine: RuleEngine;
  readonly #text: string;

  private constructor(engine: RuleEngine, text: string) {
    this.engine = engine;
    this.#text = text;
  }

  /** The same interpreter and data groups with another rule. */
  withRule(text: string): RuleBench {
    return new RuleBench(this.engine, text);
  }

  static async start(): Promise<RuleBench> {
    const engine = new RuleEngine({
      eventTimeLimitMs: 5000,
      answerTimeoutMs: 20_000,
      onStarted: () => undefined,
      onGone: () => undefined,
      onRuleInit: () => undefined,
    });
    await engine.start();
    await engine.setStatisticsProfiles([{ fullPath: countersPath, fields: counterFields }]);
    return new RuleBench(engine, await loadRule());
  }

  async setGroups({ allow, deny, settings }: Groups): Promise<void> {
    const named = (names: readonly string[], data: string): DataGroupRecord[] =>
      names.map((name) => ({ name, data }));
    const groups = [
      { suffix: 'allow', records: allow && named(allow, 'allow') },
      { suffix: 'deny', records: deny && named(deny, 'deny') },
      {
        suffix: 'settings',
        records: settings && Object.entries(settings).map(([name, data]) => ({ name, data })),
      },
    ];
    await this.engine.setDataGroups(
      groups.flatMap(({ suffix, records }) =>
        records === undefined
          ? []
          : [{ fullPath: `${virtualServer}_${suffix}`, type: 'string' as const, records }],
      ),
    );
  }

  /** A connection whose events the test fires itself. */
  async openFlow(): Promise<Flow> {
    return this.engine.openFlow([await this.engine.loadRule({ fullPath: rulePath, text: this.#text })]);
  }

  /** Puts one caller through the events of a connection, as the device fires them. */
  async call({
    certificates = [],
    verifyResult = 0,
    isResumed = false,
    isUncounted,
  }: Caller): Promise<Outcome> {
    const flow = await this.openFlow();
    const tls: Facts = {
      certificate_count: certificates.length,
      verify_result: verifyResult,
      ...Object.fromEntries(certificates.map((der, index) => [`certificate.${index}`, der])),
    };
    const accepted = {
      virtual: virtualServer,
      statistics_profiles: isUncounted === true ? '' : countersPath,
    };
    const events: Array<[event: string, facts: Facts]> = [['CLIENT_ACCEPTED', accepted]];
    if (!isResumed) events.push(['CLIENTSSL_CLIENTCERT', tls]);
    events.push(['CLIENTSSL_HANDSHAKE', tls], ['LB_SELECTED', {}]);
    const effects: Effect[] = [];
    let endedIn: string | undefined;
    for (const [event, facts] of events) {
      const asked = await flow.run(event, facts);
      effects.push(...asked);
      if (asked.some(({ kind }) => kind === 'reject' || kind === 'error')) {
        endedIn = event;
        break;
      }
    }
    await flow.close();
    const lines = effects.flatMap((effect) => (effect.kind === 'log' ? [effect.text] : []));
    return { passes: endedIn === undefined, lines, effects, endedIn };
  }

  async close(): Promise<void> {
    await this.engine.close();
  }
}

/** The fields of the statistics profile that one caller changed, in order. */
export function countedBy({ effects }: Pick<Outcome, 'effects'>): string[] {
  return effects.flatMap((effect) =>
    effect.kind === 'count' && effect.profile === countersPath ? [effect.field] : [],
  );
}

/** The reason in brackets of a line about a rejection; undefined for an admission. */
export function reasonIn(line: string | undefined): string | undefined {
  return /(?:rejecting|would-reject): .* \(([a-z-]+)\)/.exec(line ?? '')?.[1];
}
