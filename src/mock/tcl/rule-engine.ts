import { isDeepStrictEqual } from 'node:util';
import type {
  DataGroupConfiguration,
  RuleConfiguration,
  StatisticsProfileConfiguration,
} from '../data-plane/configuration.js';
import { TclProcess } from './tcl-process.js';
import type { Answer, TclProcessOptions, Word } from './tcl-process.js';
import { translateWordOperators } from './word-operators.js';

/** What a rule asked for while an event ran, in the order in which it asked. */
export type Effect =
  | { readonly kind: 'run'; readonly rule: string; readonly event: string }
  | { readonly kind: 'log'; readonly facility: string; readonly level: string; readonly text: string }
  | {
      readonly kind: 'error';
      readonly rule: string;
      readonly event: string;
      readonly message: string;
      /** The command that failed, as the interpreter quotes it. */
      readonly command: string;
    }
  | { readonly kind: 'reject' | 'drop' | 'close' | 'invalidate' }
  | {
      /** What a field of a statistics profile is now. */
      readonly kind: 'count';
      readonly profile: string;
      readonly field: string;
      readonly value: number;
    }
  | { readonly kind: 'verify_result'; readonly result: number }
  | { readonly kind: 'collect' | 'release'; readonly length: number }
  | { readonly kind: 'after'; readonly id: string; readonly delayMs: number; readonly isPeriodic: boolean }
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'handshake'; readonly isHeld: boolean }
  | {
      readonly kind: 'high_speed_log';
      /** A pool, or a publisher. */
      readonly to: { readonly protocol: 'TCP' | 'UDP' | 'publisher'; readonly fullPath: string };
      readonly data: Buffer;
    };

/** What the commands of a rule report about a connection, by the names that the harness knows. */
export type Facts = Readonly<Record<string, Word>>;

/** A version of a rule in the interpreter; connections keep the version they began with. */
export interface LoadedRule {
  readonly key: string;
  readonly fullPath: string;
}

/** One connection's interpreter. */
export class Flow {
  readonly #process: TclProcess;
  readonly #id: number;
  readonly #now: () => Date;

  constructor(process: TclProcess, id: number, now: () => Date) {
    this.#process = process;
    this.#id = id;
    this.#now = now;
  }

  /** Runs an event in every rule that has it. @throws TclProcessGone */
  async run(event: string, facts: Facts): Promise<readonly Effect[]> {
    const words = Object.entries({ ...facts, now_ms: this.#now().getTime() }).flat();
    return effects(await this.#process.request('event', this.#id, event, ...words));
  }

  /** Runs a script that `after` put off. @throws TclProcessGone */
  async runTimer(id: string): Promise<readonly Effect[]> {
    return effects(await this.#process.request('timer', this.#id, id, this.#now().getTime()));
  }

  /** Forgets the connection; safe to call when the interpreter has ended. */
  async close(): Promise<void> {
    if (this.#process.isGone) return;
    await this.#process.request('close', this.#id).catch(() => undefined);
  }
}

/** What rules may send to at high speed, by full path. */
interface LogTargets {
  readonly pools: readonly string[];
  readonly publishers: readonly string[];
}

interface RuleEngineOptions extends TclProcessOptions {
  /** How long one event of one rule may run before it fails as a TCL error. */
  readonly eventTimeLimitMs: number;
  /** What the session table goes by; the hour of the day by default. */
  readonly now?: () => Date;
  /** Told of each new interpreter, with its process number. */
  readonly onStarted: (pid: number) => void;
  /** Told when an interpreter has ended; its connections are lost. */
  readonly onGone: () => void;
  /** Told what the RULE_INIT of a rule asked for. */
  readonly onRuleInit: (effects: readonly Effect[]) => void;
}

/**
 * Runs rules in a `tclsh`. It knows data groups, rule versions and connections, and nothing of sockets.
 *
 * When the interpreter ends (a rule held it up for too long), the next connection starts a new one with the same
 * data groups; every connection that lived in the old one is lost, as with a restart of TMM.
 */
export class RuleEngine {
  readonly #options: RuleEngineOptions;
  readonly #dataGroups = new Map<string, DataGroupConfiguration>();
  #statisticsProfiles: readonly StatisticsProfileConfiguration[] = [];
  #process: Promise<TclProcess> | undefined;
  #rules = new Map<string, Promise<LoadedRule>>();
  #logTargets: LogTargets = { pools: [], publishers: [] };
  #counter = 0;

  constructor(options: RuleEngineOptions) {
    this.#options = options;
  }

  /** @throws AgentError MESH_ERR_TCLSH_MISSING */
  async start(): Promise<void> {
    await this.#running();
  }

  /** Makes the interpreter's data groups match; look-ups of open connections see it at once. */
  async setDataGroups(dataGroups: readonly DataGroupConfiguration[]): Promise<void> {
    const process = await this.#running();
    const paths = new Set(dataGroups.map(({ fullPath }) => fullPath));
    for (const path of this.#dataGroups.keys()) {
      if (paths.has(path)) continue;
      this.#dataGroups.delete(path);
      await process.request('no_data_group', path);
    }
    for (const dataGroup of dataGroups) {
      if (isSameDataGroup(this.#dataGroups.get(dataGroup.fullPath), dataGroup)) continue;
      this.#dataGroups.set(dataGroup.fullPath, dataGroup);
      await sendDataGroup(process, dataGroup);
    }
  }

  /** Makes the fields that `STATS::*` finds match; those that were there keep their values. */
  async setStatisticsProfiles(profiles: readonly StatisticsProfileConfiguration[]): Promise<void> {
    const process = await this.#running();
    const known = this.#statisticsProfiles;
    this.#statisticsProfiles = profiles;
    const paths = new Set(profiles.map(({ fullPath }) => fullPath));
    const gone = known.filter(({ fullPath }) => !paths.has(fullPath));
    for (const { fullPath } of gone) await process.request('statistics_profile', fullPath);
    for (const profile of profiles) {
      if (known.some((other) => isDeepStrictEqual(other, profile))) continue;
      await process.request('statistics_profile', profile.fullPath, ...profile.fields);
    }
  }

  /** Tells the rules what there is to send to, by full path. */
  async setLogTargets(targets: LogTargets): Promise<void> {
    if (isDeepStrictEqual(this.#logTargets, targets)) return;
    this.#logTargets = targets;
    await sendLogTargets(await this.#running(), targets);
  }

  /**
   * Loads a rule and runs its RULE_INIT; a text that is loaded already is not loaded again.
   *
   * @throws TclRefusal when the text cannot be taken apart.
   */
  async loadRule({ fullPath, text }: RuleConfiguration): Promise<LoadedRule> {
    const process = await this.#running();
    const version = `${fullPath}\n${text}`;
    let loaded = this.#rules.get(version);
    if (loaded === undefined) {
      const key = String((this.#counter += 1));
      loaded = process.request('rule', key, fullPath, translateWordOperators(text)).then((answer) => {
        this.#options.onRuleInit(effects(answer));
        return { key, fullPath };
      });
      this.#rules.set(version, loaded);
    }
    return loaded;
  }

  /** Makes an interpreter for a connection through a virtual server with these rules. */
  async openFlow(rules: readonly LoadedRule[]): Promise<Flow> {
    const process = await this.#running();
    const id = (this.#counter += 1);
    await process.request('open', id, ...rules.map(({ key }) => key));
    return new Flow(process, id, this.#options.now ?? (() => new Date()));
  }

  /** The iStats that rules have counted, by key. */
  async istats(): Promise<ReadonlyMap<string, string>> {
    const answer = await (await this.#running()).request('istats');
    return new Map(answer.map(([key, value]) => [String(key), String(value)]));
  }

  async close(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await (await process)?.close();
  }

  async #running(): Promise<TclProcess> {
    if (this.#process === undefined) {
      const starting = this.#startProcess();
      this.#process = starting;
      const forget = (): void => {
        if (this.#process === starting) this.#process = undefined;
      };
      starting.then((process) => process.gone.then(forget), forget).catch(() => undefined);
    }
    return this.#process;
  }

  async #startProcess(): Promise<TclProcess> {
    const process = await TclProcess.start(this.#options);
    this.#rules = new Map();
    this.#options.onStarted(process.pid);
    void process.gone.then(() => this.#options.onGone());
    await process.request('limit', this.#options.eventTimeLimitMs);
    for (const dataGroup of this.#dataGroups.values()) await sendDataGroup(process, dataGroup);
    for (const { fullPath, fields } of this.#statisticsProfiles)
      await process.request('statistics_profile', fullPath, ...fields);
    return process;
  }
}

async function sendLogTargets(process: TclProcess, { pools, publishers }: LogTargets): Promise<void> {
  await process.request('pools', ...pools);
  await process.request('publishers', ...publishers);
}

async function sendDataGroup(
  process: TclProcess,
  { fullPath, type, records }: DataGroupConfiguration,
): Promise<void> {
  await process.request('data_group', fullPath, type, ...records.flatMap(({ name, data }) => [name, data]));
}

function isSameDataGroup(known: DataGroupConfiguration | undefined, wanted: DataGroupConfiguration): boolean {
  return (
    known !== undefined &&
    known.type === wanted.type &&
    known.records.length === wanted.records.length &&
    known.records.every(({ name, data }, index) => {
      const other = wanted.records[index];
      return other?.name === name && other.data === data;
    })
  );
}

function effects(answer: Answer): Effect[] {
  return answer.map(effect);
}

function effect(group: readonly Buffer[]): Effect {
  const [kind = '', first = '', second = '', third = '', fourth = ''] = group.map((word) => word.toString());
  switch (kind) {
    case 'run':
      return { kind, rule: first, event: second };
    case 'log':
      return { kind, facility: first, level: second, text: third };
    case 'error':
      return { kind, rule: first, event: second, message: third, command: fourth };
    case 'reject':
    case 'drop':
    case 'close':
    case 'invalidate':
      return { kind };
    case 'count':
      return { kind, profile: first, field: second, value: Number(third) };
    case 'verify_result':
      return { kind, result: Number(first) };
    case 'collect':
    case 'release':
      return { kind, length: Number(first) };
    case 'after':
      return { kind, id: first, delayMs: Number(second), isPeriodic: third === '1' };
    case 'cancel':
      return { kind, id: first };
    case 'handshake':
      return { kind, isHeld: first === 'hold' };
    case 'high_speed_log':
      return {
        kind,
        to: { protocol: first === 'TCP' || first === 'UDP' ? first : 'publisher', fullPath: second },
        data: group[3] ?? Buffer.alloc(0),
      };
    default:
      throw new TypeError(`the harness answered with "${kind}"`);
  }
}
