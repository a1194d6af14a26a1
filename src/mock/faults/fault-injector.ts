import type { MgmtRequest } from '../http/mgmt-request.js';
import type { FaultName, FaultRule } from './fault.js';
import { seededRandom } from './seeded-random.js';

/** A fault that is in force. */
interface InjectedFault {
  readonly id: number;
  readonly rule: FaultRule;
  /** Requests that it has struck. */
  readonly struck: number;
}

interface Entry {
  readonly id: number;
  readonly rule: FaultRule;
  readonly since: number;
  skipped: number;
  struck: number;
}

/** Decides which faults strike a request. With the same seed and the same requests it decides the same. */
export class FaultInjector {
  readonly #entries = new Map<number, Entry>();
  readonly #now: () => Date;
  readonly #random: () => number;
  #lastId = 0;

  constructor(now: () => Date, seed: number) {
    this.#now = now;
    this.#random = seededRandom(seed);
  }

  /** @returns the id by which the fault can be taken back. */
  inject(rule: FaultRule): number {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#entries.set(id, { id, rule, since: this.#now().getTime(), skipped: 0, struck: 0 });
    return id;
  }

  /** @returns whether there was such a fault. */
  remove(id: number): boolean {
    return this.#entries.delete(id);
  }

  clear(): void {
    this.#entries.clear();
  }

  list(): readonly InjectedFault[] {
    this.#dropExpired();
    return [...this.#entries.values()].map(({ id, rule, struck }) => ({ id, rule, struck }));
  }

  /** Whether a fault that does not hang on single requests is in force. */
  isActive(fault: FaultName): boolean {
    return this.list().some((entry) => entry.rule.fault === fault);
  }

  /** The faults that strike a request, in the order in which they were injected; each counts it. */
  strike(request: MgmtRequest): readonly FaultRule[] {
    this.#dropExpired();
    const striking: FaultRule[] = [];
    for (const entry of this.#entries.values()) {
      if (!fits(entry.rule, request)) continue;
      if (entry.skipped < (entry.rule.skip ?? 0)) {
        entry.skipped += 1;
        continue;
      }
      if (entry.rule.share !== undefined && this.#random() >= entry.rule.share) continue;
      entry.struck += 1;
      if (entry.struck === entry.rule.times) this.#entries.delete(entry.id);
      striking.push(this.#resolve(entry));
    }
    return striking;
  }

  /** A restart of mcpd is one fault first and another one later. */
  #resolve({ rule, since }: Entry): FaultRule {
    if (rule.fault !== 'mcpd-restart') return rule;
    const elapsed = this.#now().getTime() - since;
    return { ...rule, fault: elapsed < (rule.forMs ?? 0) / 2 ? 'false-not-found' : 'mcpd-lost' };
  }

  #dropExpired(): void {
    const now = this.#now().getTime();
    for (const { id, rule, since } of this.#entries.values()) {
      if (rule.forMs !== undefined && now >= since + rule.forMs) this.#entries.delete(id);
    }
  }
}

/** Where each fault can strike, unless its rule narrows it further. */
const reach: Readonly<Partial<Record<FaultName, (request: MgmtRequest) => boolean>>> = {
  unauthenticated: ({ path }) => path !== login,
  'async-task': isConfiguration,
  'not-registered': isConfiguration,
  'public-uri-not-registered': isConfiguration,
  'false-not-found': isConfiguration,
  'mcpd-lost': isConfiguration,
  'mcpd-restart': isConfiguration,
  provisioning: (request) => isConfiguration(request) && request.method !== 'GET',
  'disk-full': isUpload,
  'upload-echo': isUpload,
  'token-limit': ({ path }) => path === login,
  'stale-read': (request) => isConfiguration(request) && request.method === 'GET',
  'old-certificate': () => false,
};

const login = '/mgmt/shared/authn/login';

function fits(rule: FaultRule, request: MgmtRequest): boolean {
  if (rule.method !== undefined && rule.method !== request.method) return false;
  if (rule.path !== undefined && !request.path.startsWith(rule.path)) return false;
  return reach[rule.fault]?.(request) ?? true;
}

function isConfiguration({ path }: MgmtRequest): boolean {
  return path.startsWith('/mgmt/tm/');
}

function isUpload({ path }: MgmtRequest): boolean {
  return path.startsWith('/mgmt/shared/file-transfer/uploads/');
}
