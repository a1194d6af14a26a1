/** Whether a caller that is not allowed is refused, or only counted and logged. */
export type Mode = 'enforce' | 'audit';

/** Where an entry was written, for `explain` and for the person who edits it. */
export type EntryOrigin = LineOrigin | RuleOrigin;

/** A line of an allowlist ConfigMap. */
interface LineOrigin {
  readonly namespace: string;
  readonly configMap: string;
  /** The key of the ConfigMap's data: `allow` or `deny`. */
  readonly key: 'allow' | 'deny';
  /** Counted from 1. */
  readonly line: number;
  readonly policy?: undefined;
}

/** A rule of an AuthorizationPolicy. */
export interface RuleOrigin {
  readonly namespace: string;
  readonly policy: string;
  /** Which list it went to: a rule of ALLOW may also have to deny somebody whom it leaves out. */
  readonly key: 'allow' | 'deny';
  /** `rules[0]`, counted from 0 as in the policy. */
  readonly path: string;
}

/**
 * One entry: a SPIFFE ID, or a pattern that ends at a segment boundary.
 *
 * Its text is what the data group holds as the record's name, so that the rule needs hash look-ups only:
 * `spiffe://TD/ns/NS/sa/SA` (or any other SPIFFE ID), `spiffe://TD/ns/NS/sa/*`, `spiffe://TD/ns/*`.
 */
export interface AllowlistEntry {
  readonly text: string;
  readonly trustDomain: string;
  readonly comment?: string;
  readonly origin: EntryOrigin;
}

/** Who may call one mesh service. An empty one means that nobody gets in. */
export interface Allowlist {
  readonly allow: readonly AllowlistEntry[];
  readonly deny: readonly AllowlistEntry[];
  readonly mode: Mode;
}

/** What was set aside; the rest applies. */
export type AllowlistRefusal = LineRefusal | RuleRefusal;

/** A line, or a key as a whole, of an allowlist ConfigMap. */
export interface LineRefusal {
  readonly namespace: string;
  readonly configMap: string;
  readonly key: string;
  /** Counted from 1; absent when the key as a whole is refused. */
  readonly line?: number;
  readonly reason: string;
  /** The line says what another one says already: without it, the same callers are allowed. */
  readonly isRedundant?: true;
  readonly policy?: undefined;
}

/** A part of an AuthorizationPolicy that a device cannot enforce as it is written; it admits nobody in its place. */
export interface RuleRefusal {
  readonly namespace: string;
  readonly policy: string;
  /** `rules[0].from[1].source.ipBlocks`, counted from 0 as in the policy. */
  readonly path: string;
  /** What is wrong, and what holds instead. */
  readonly reason: string;
  /** Istio does the same with it on a TCP port. */
  readonly isRedundant?: true;
}
