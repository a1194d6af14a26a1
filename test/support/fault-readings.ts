import type { StoredObject } from './faulty-kube.js';

/*
 * Who may call, by the pages in docs/reference and nothing of the product's code: for these callers, by comparison of
 * texts.
 */

const domain = 'spiffe://cluster.local/ns/';
export const everybody = `${domain}*`;
export const callers = ['a/sa/x', 'a/sa/y', 'b/sa/x', 'b/sa/y'].map((path) => domain + path);
/** Every entry that there can be. */
export const entries = [...callers, `${domain}a/sa/*`, `${domain}b/sa/*`, everybody];

/** Whether an entry is for a caller, or for everybody whom another entry is for. */
export function isFor(entry: string, other: string): boolean {
  return entry === other || (entry.endsWith('*') && other.startsWith(entry.slice(0, -1)));
}

export function isAnyFor(among: Iterable<string>, other: string): boolean {
  return [...among].some((entry) => isFor(entry, other));
}

/** What one allowlist ConfigMap says. */
export interface ConfigMapReading {
  /** Undefined while it is no text. */
  readonly allow: ReadonlySet<string> | undefined;
  readonly deny: ReadonlySet<string>;
  /** Whether nothing of `deny` is unreadable. */
  readonly isDenyWhole: boolean;
  readonly isAudit: boolean;
}

export const misspeltDeny = 'denny';

export function readConfigMap(configMap: StoredObject): ConfigMapReading {
  const data = (configMap['data'] ?? {}) as Readonly<Record<string, string>>;
  const binary = (configMap['binaryData'] ?? {}) as Readonly<Record<string, string>>;
  const lines = (key: string): readonly string[] =>
    (data[key] ?? '').split('\n').filter((line) => line !== '');
  const good = (key: string): ReadonlySet<string> =>
    new Set(lines(key).filter((line) => entries.includes(line)));
  return {
    allow: 'allow' in binary ? undefined : good('allow'),
    deny: good('deny'),
    isDenyWhole:
      lines('deny').every((line) => entries.includes(line)) &&
      !('deny' in binary || misspeltDeny in data || misspeltDeny in binary),
    isAudit: data['mode'] === 'audit',
  };
}

/** What one AuthorizationPolicy does for a service: whom it allows, or whom it denies. */
export interface PolicyReading {
  readonly action: 'allow' | 'deny' | 'nothing';
  readonly entries: readonly string[];
}

interface Source {
  readonly principals?: unknown;
  readonly namespaces?: unknown;
}

interface Rule {
  readonly from?: ReadonlyArray<{ readonly source: Source }>;
}

/**
 * What it cannot say in records, or is not as Istio has it, admits nobody in a policy of ALLOW, and counts as met in one of
 * DENY.
 */
export function readPolicy(policy: StoredObject, service: string): PolicyReading {
  const spec = (policy['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  const action = (spec['action'] ?? 'ALLOW') as string;
  const isAllow = action === 'ALLOW';
  const isDryRun = policy.metadata.annotations?.['istio.io/dry-run'] === 'true';
  if (isDryRun || action === 'AUDIT' || !isTarget(spec['selector'], service, isAllow)) {
    return { action: 'nothing', entries: [] };
  }
  const rules = spec['rules'] ?? [];
  const read = (isAllow ? allowed : denied)(Array.isArray(rules) ? (rules as readonly Rule[]) : undefined);
  return { action: isAllow ? 'allow' : 'deny', entries: read };
}

export const serviceLabel = 'bigip-mesh.io/service';

function isTarget(selector: unknown, service: string, isAllow: boolean): boolean {
  if (selector === undefined) return true;
  if (typeof selector !== 'object') return !isAllow;
  const { matchLabels } = selector as { readonly matchLabels: Readonly<Record<string, string>> };
  return Object.entries(matchLabels).every(([key, value]) => key === serviceLabel && value === service);
}

function allowed(rules: readonly Rule[] | undefined): string[] {
  return (rules ?? []).flatMap((rule) => {
    const sources = rule.from?.map(({ source }) => source) ?? [{}];
    const isStrange = (value: unknown): boolean => value !== undefined && !Array.isArray(value);
    const isReadable =
      Object.keys(rule).every((key) => key === 'from') &&
      sources.every(({ principals, namespaces }) => !isStrange(principals) && !isStrange(namespaces));
    return isReadable ? sources.filter((source) => !('ipBlocks' in source)).flatMap(named) : [];
  });
}

function denied(rules: readonly Rule[] | undefined): string[] {
  if (rules === undefined) return [everybody];
  return rules.flatMap(({ from }) => from?.flatMap(({ source }) => named(source)) ?? [everybody]);
}

/** A source names callers by one field at most; without one it is for everybody. One entry may include another. */
function named(source: Source): string[] {
  const all = [...new Set(fieldOf(source))];
  return all.filter((entry) => !all.some((other) => other !== entry && isFor(other, entry)));
}

function fieldOf({ principals, namespaces }: Source): string[] {
  if (Array.isArray(principals)) {
    return principals.map((principal) => (principal === '*' ? everybody : `spiffe://${String(principal)}`));
  }
  if (Array.isArray(namespaces)) return namespaces.map((namespace) => `${domain}${String(namespace)}/sa/*`);
  return [everybody];
}
