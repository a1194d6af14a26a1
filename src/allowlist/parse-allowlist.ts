import type { Parsed } from '../parsed.js';
import { accepted, refused } from '../parsed.js';
import { printableCharacter } from '../spiffe/trust-domain.js';
import type { Allowlist, AllowlistEntry, LineRefusal, Mode } from './allowlist.js';
import { parseEntryText } from './parse-entry.js';

/** The part of a ConfigMap that says who may call. */
export interface AllowlistConfigMap {
  readonly namespace: string;
  readonly name: string;
  readonly data?: Readonly<Record<string, string>>;
  /** What Kubernetes puts here is not UTF-8 text; only its keys are looked at. */
  readonly binaryData?: Readonly<Record<string, unknown>>;
}

/** What one ConfigMap says, and what of it was set aside. */
export interface ParsedAllowlist {
  readonly allowlist: Allowlist;
  readonly refusals: readonly LineRefusal[];
}

const listKeys = ['allow', 'deny'] as const;
const knownKeys = new Set<string>([...listKeys, 'mode']);

/**
 * Reads one ConfigMap (keys `allow`, `deny` and `mode`).
 *
 * It cannot fail: what is wrong is set aside with its key, line and reason, and the rest applies. Whatever is in
 * doubt closes: no list means nobody, and a `mode` that is missing or unreadable is `enforce`.
 */
export function parseAllowlist(configMap: AllowlistConfigMap): ParsedAllowlist {
  const data = new Map(Object.entries(configMap.data ?? {}));
  const refusals: LineRefusal[] = [];
  const refuse = (key: string, reason: string, line?: number, isRedundant = false): void => {
    refusals.push({
      namespace: configMap.namespace,
      configMap: configMap.name,
      key,
      ...(line === undefined ? {} : { line }),
      reason,
      ...(isRedundant ? { isRedundant } : {}),
    });
  };

  const trustDomains = new Map<string, string>();
  /** Many entries name few trust domains: one text for all. */
  const one = (trustDomain: string): string => {
    const known = trustDomains.get(trustDomain) ?? trustDomain;
    trustDomains.set(trustDomain, known);
    return known;
  };
  const lists = { allow: [] as AllowlistEntry[], deny: [] as AllowlistEntry[] };
  for (const key of listKeys) {
    const lineOf = new Map<string, number>();
    for (const { line, text, comment, reason } of linesOf(data.get(key) ?? '')) {
      const entry: Parsed<{ text: string; trustDomain: string }> =
        reason === undefined ? parseEntryText(text) : refused(reason);
      if (!entry.ok) {
        refuse(key, entry.reason, line);
        continue;
      }
      const first = lineOf.get(entry.value.text);
      if (first !== undefined) {
        refuse(key, `it repeats line ${first}`, line, true);
        continue;
      }
      lineOf.set(entry.value.text, line);
      const origin = { namespace: configMap.namespace, configMap: configMap.name, key, line };
      const trustDomain = one(entry.value.trustDomain);
      // Written out, because an object that is spread together may get a hidden class of its own: allowlists are long,
      // and a controller holds all of them.
      lists[key].push(
        comment === undefined
          ? { text: entry.value.text, trustDomain, origin }
          : { text: entry.value.text, trustDomain, comment, origin },
      );
    }
  }

  const mode = parseMode(data.get('mode'));
  if (!mode.ok) refuse('mode', mode.reason);
  for (const key of [...data.keys()].toSorted()) {
    if (!knownKeys.has(key)) refuse(key, unknownKeyReason(key));
  }
  for (const key of Object.keys(configMap.binaryData ?? {}).toSorted()) {
    refuse(
      key,
      knownKeys.has(key)
        ? 'it is in binaryData, so it is not UTF-8 text; save the file as UTF-8 and apply it again'
        : unknownKeyReason(key),
    );
  }
  return { allowlist: { ...lists, mode: mode.ok ? mode.value : 'enforce' }, refusals };
}

function parseMode(text: string | undefined): Parsed<Mode> {
  const mode = withoutByteOrderMark(text ?? 'enforce').trim();
  if (mode === 'enforce' || mode === 'audit') return accepted(mode);
  return refused('it must be enforce or audit; enforce holds until it is');
}

interface Line {
  readonly line: number;
  readonly text: string;
  readonly comment?: string;
  readonly reason?: string;
}

/** The lines that say something, without the space around them and with their comment taken off. */
function linesOf(value: string): Line[] {
  const lines: Line[] = [];
  for (const [index, raw] of withoutByteOrderMark(value).split(/\r?\n/).entries()) {
    const line = index + 1;
    // Blanks and tabs only: any other space character would be part of the entry and must be seen as wrong.
    const content = raw.replace(/^[ \t]+|[ \t]+$/g, '');
    if (content === '' || content.startsWith('#')) continue;
    const hash = content.indexOf('#');
    const text = (hash === -1 ? content : content.slice(0, hash)).replace(/[ \t]+$/, '');
    const comment = hash === -1 ? '' : content.slice(hash + 1).replace(/^[ \t]+/, '');
    const reason = lineOffence(text, hash === -1 ? undefined : content[hash - 1]);
    lines.push({
      line,
      text,
      ...(comment === '' ? {} : { comment }),
      ...(reason === undefined ? {} : { reason }),
    });
  }
  return lines;
}

function lineOffence(text: string, beforeHash: string | undefined): string | undefined {
  if (beforeHash !== undefined && beforeHash !== ' ' && beforeHash !== '\t') {
    return 'it has a # right behind the ID; put a space before a comment, an ID has no fragment';
  }
  const space = /\s/.exec(text)?.[0];
  if (space === ' ' || space === '\t') return 'it has a space inside; write one ID a line, comments after #';
  return space === undefined ? undefined : `it has the character ${printableCharacter(space)}`;
}

/** Editors of Windows put one before the first line; there it means nothing. */
function withoutByteOrderMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

function unknownKeyReason(key: string): string {
  const near = [...knownKeys].find(
    (known) => known.toLowerCase() === key.toLowerCase() || differsByOneEdit(known, key),
  );
  return near === undefined
    ? 'it is not a key of an allowlist (allow, deny, mode)'
    : `it is not a key of an allowlist; ${near} is`;
}

/** One letter more, less or other. */
function differsByOneEdit(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  return Math.max(a.length, b.length) - start - end <= 1;
}
