import type { Allowlist } from '../allowlist/allowlist.js';
import { decide } from '../allowlist/decide.js';
import { readSvidClaims } from '../spiffe/svid-claims.js';
import type { Engine, Verdict } from './verdict.js';

/** The decision as the agent itself makes it, in TypeScript. */
export class CoreEngine implements Engine {
  readonly name = 'core';
  readonly #allowlist: Allowlist;
  readonly #trustDomains: readonly string[];

  constructor(allowlist: Allowlist, trustDomains: readonly string[]) {
    this.#allowlist = allowlist;
    this.#trustDomains = trustDomains;
  }

  judge(der: Buffer): Promise<Verdict> {
    const claims = readSvidClaims(der);
    if (!claims.ok) {
      return Promise.resolve({ decision: 'reject', spiffeId: undefined, reason: claims.reason });
    }
    const { decision, reason } = decide(this.#allowlist, this.#trustDomains, claims.spiffeId);
    return Promise.resolve({ decision, spiffeId: claims.spiffeId.text, reason });
  }
}
