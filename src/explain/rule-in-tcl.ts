import type { Allowlist } from '../allowlist/allowlist.js';
import { rejectionReasons } from '../allowlist/rejection-reason.js';
import type { RejectionReason } from '../allowlist/rejection-reason.js';
import { AgentError } from '../errors.js';
import { renderDataGroups } from '../irule/data-groups.js';
import { RuleEngine } from '../mock/tcl/rule-engine.js';
import type { Effect, LoadedRule } from '../mock/tcl/rule-engine.js';
import { TclProcessGone, TclRefusal } from '../mock/tcl/tcl-process.js';
import type { Engine, Verdict } from './verdict.js';

const virtualServer = '/explain/service';
const rulePath = '/explain/spiffe_allowlist';
const witnessPath = '/explain/witness';

/** The rule shortens a long ID in its log; its own procedure tells this second rule the whole one. */
const witnessText = `
when CLIENTSSL_CLIENTCERT priority 0 {
    if {![catch { call ${rulePath}::spf_identity [SSL::cert 0] } witness_id]} {
        log local0.info $witness_id
    }
}
`;

const eventTimeLimitMs = 2000;

/** How an event can end a connection. */
const endings: ReadonlySet<Effect['kind']> = new Set(['reject', 'drop', 'close', 'error']);

interface RuleInTclOptions {
  readonly allowlist: Allowlist;
  readonly trustDomains: readonly string[];
  /** The text of irules/spiffe_allowlist.tcl. */
  readonly ruleText: string;
  /** The Tcl interpreter; `tclsh` of the PATH by default. */
  readonly tclsh?: string;
}

/** The decision as the device makes it: the shipped iRule in one `tclsh`, a connection a certificate. */
export class RuleInTcl implements Engine {
  readonly name = 'rule';
  readonly #engine: RuleEngine;
  readonly #rules: readonly LoadedRule[];

  private constructor(engine: RuleEngine, rules: readonly LoadedRule[]) {
    this.#engine = engine;
    this.#rules = rules;
  }

  /** @throws AgentError MESH_ERR_TCLSH_MISSING, MESH_ERR_TCLSH_FAILED */
  static async start({ allowlist, trustDomains, ruleText, tclsh }: RuleInTclOptions): Promise<RuleInTcl> {
    const engine = new RuleEngine({
      tclsh,
      eventTimeLimitMs,
      answerTimeoutMs: eventTimeLimitMs * 4,
      onStarted: () => undefined,
      onGone: () => undefined,
      onRuleInit: () => undefined,
    });
    try {
      return await translated(async () => {
        const groups = Object.entries(renderDataGroups(allowlist, trustDomains));
        await engine.setDataGroups(
          groups.map(([suffix, records]) => ({
            fullPath: `${virtualServer}_${suffix}`,
            type: 'string',
            records,
          })),
        );
        const rule = await engine.loadRule({ fullPath: rulePath, text: ruleText });
        const witness = await engine.loadRule({ fullPath: witnessPath, text: witnessText });
        return new RuleInTcl(engine, [rule, witness]);
      });
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  /** @throws AgentError MESH_ERR_TCLSH_FAILED */
  judge(der: Buffer): Promise<Verdict> {
    return translated(async () => verdictOf(await this.#connect(der)));
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  /** Fires the events of a connection whose handshake TLS has no objection to, until one ends it. */
  async #connect(der: Buffer): Promise<readonly Effect[]> {
    const handshake = { 'certificate.0': der, certificate_count: 1, verify_result: 0 };
    const flow = await this.#engine.openFlow(this.#rules);
    try {
      const effects = [...(await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer }))];
      for (const event of ['CLIENTSSL_CLIENTCERT', 'CLIENTSSL_HANDSHAKE']) {
        if (!isEnded(effects)) effects.push(...(await flow.run(event, handshake)));
      }
      return effects;
    } finally {
      await flow.close();
    }
  }
}

/** Reads the decision where an operator reads it, in the log; whatever is no clear admission is a rejection. */
function verdictOf(effects: readonly Effect[]): Verdict {
  const [line] = linesOf(effects, rulePath);
  const [, outcome, shown = '-', word] =
    /^(allowing|rejecting|would-reject): (\S+?(?:\(\d+ bytes\)\S+)?)(?: \(([a-z-]+)\)|$)/.exec(line ?? '') ??
    [];
  const spiffeId = shown.includes('...(') ? linesOf(effects, witnessPath)[0] : shown;
  const isAllowed = outcome === 'allowing' && !isEnded(effects);
  return {
    decision: isAllowed ? 'allow' : 'reject',
    spiffeId: spiffeId === '-' ? undefined : spiffeId,
    reason: isAllowed ? 'allowed' : (rejectionReasons.find((reason) => reason === word) ?? unforeseen),
  };
}

/** What the rule itself calls an error that it did not expect; one that it did not catch is no better. */
const unforeseen: RejectionReason = 'internal-error';

function isEnded(effects: readonly Effect[]): boolean {
  return effects.some(({ kind }) => endings.has(kind));
}

/** What a rule logged, without the frame `Rule PATH <EVENT>: `. */
function linesOf(effects: readonly Effect[], path: string): string[] {
  return effects.flatMap((effect) => {
    if (effect.kind !== 'log' || !effect.text.startsWith(`Rule ${path} <`)) return [];
    return [effect.text.slice(effect.text.indexOf('>: ') + 3)];
  });
}

async function translated<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof AgentError && error.code === 'MESH_ERR_TCLSH_MISSING') {
      throw new AgentError(
        error.code,
        'there is no tclsh on the PATH, and the iRule runs in Tcl 8.6',
        'install it (Debian and Ubuntu: apt-get install tcl), or ask the TypeScript decision alone: --engine core',
      );
    }
    if (error instanceof TclProcessGone || error instanceof TclRefusal) {
      throw new AgentError(
        'MESH_ERR_TCLSH_FAILED',
        'tclsh ended, or did not take the iRule, before it had decided',
        'see that `echo puts [info patchlevel] | tclsh` prints 8.6, or use --engine core',
      );
    }
    throw error;
  }
}
