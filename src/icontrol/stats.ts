import type { JsonObject } from './request.js';

/**
 * Values that a device gives as statistics: `.../stats` and states such as `sys/ready`.
 *
 * The keys of nested entries are self links, spelled differently from call to call (`cm/sync-status/0` holds
 * `cm/syncStatus/0/details`), so they are walked and never built.
 */
export interface Stats {
  readonly values: ReadonlyMap<string, string | number>;
  readonly nested: ReadonlyMap<string, Stats>;
}

interface Entry {
  readonly value?: unknown;
  readonly description?: unknown;
  readonly nestedStats?: JsonObject;
}

/** @param body an answer, or a `nestedStats` member: whatever holds `entries` */
export function parseStats(body: JsonObject | undefined): Stats {
  const values = new Map<string, string | number>();
  const nested = new Map<string, Stats>();
  const entries = (body?.['entries'] ?? {}) as Readonly<Record<string, Entry>>;
  for (const [key, entry] of Object.entries(entries)) {
    const value = entry.value ?? entry.description;
    if (entry.nestedStats !== undefined) nested.set(key, parseStats(entry.nestedStats));
    else if (typeof value === 'string' || typeof value === 'number') values.set(key, value);
  }
  return { values, nested };
}

/** @returns the values of the only entry, which is how states of the device itself come */
export function parseSingleStats(body: JsonObject | undefined): Stats {
  const [only] = parseStats(body).nested.values();
  return only ?? { values: new Map(), nested: new Map() };
}
