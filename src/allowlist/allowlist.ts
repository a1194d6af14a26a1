/** Whether a caller that is not allowed is refused, or only counted and logged. */
export type Mode = 'enforce' | 'audit';

/** Where an entry was written, for `explain` and for the person who edits it. */
export interface EntryOrigin {
  readonly namespace: string;
  readonly configMap: string;
  /** The key of the ConfigMap's data: `allow` or `deny`. */
  readonly key: 'allow' | 'deny';
  /** Counted from 1. */
  readonly line: number;
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

/** A line that was set aside; the other lines apply. */
export interface AllowlistRefusal {
  readonly namespace: string;
  readonly configMap: string;
  readonly key: string;
  /** Counted from 1; absent when the key as a whole is refused. */
  readonly line?: number;
  readonly reason: string;
  /** The line says what another one says already: without it, the same callers are allowed. */
  readonly isRedundant?: true;
}
