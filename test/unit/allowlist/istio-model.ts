/**
 * What Istio makes of AuthorizationPolicies on a TCP port, written down a second time and in its own terms: a rule
 * becomes conditions on a connection, DENY is asked before ALLOW. It shares nothing with the code under test.
 */

/** As in the object's `spec`. */
interface PolicySpec {
  readonly action?: string;
  readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly rules?: ReadonlyArray<{
    readonly from?: ReadonlyArray<{ readonly source: Readonly<Record<string, readonly string[]>> }>;
    readonly to?: ReadonlyArray<{ readonly operation: Readonly<Record<string, readonly string[]>> }>;
    readonly when?: ReadonlyArray<{
      readonly key: string;
      readonly values?: readonly string[];
      readonly notValues?: readonly string[];
    }>;
  }>;
}

export interface ModelPolicy {
  readonly namespace: string;
  readonly dryRun: boolean;
  readonly spec: PolicySpec;
}

export interface Connection {
  readonly caller: string;
  readonly port: number;
  readonly address: string;
  readonly sourceIp: string;
  readonly sni: string;
}

type Predicate = (connection: Connection) => boolean;
/** What a value becomes; undefined for what Istio cannot generate on TCP. */
type Generator = (value: string) => Predicate | undefined;

const quote = (text: string): string => text.replace(/[^A-Za-z0-9/]/g, (character) => `\\${character}`);
const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);

function generators(namespace: string): Readonly<Record<string, Generator>> {
  const caller =
    (pattern: RegExp): Predicate =>
    (connection) =>
      pattern.test(connection.caller);
  return {
    principals: (value) => {
      if (value === '*') return caller(whole('.+'));
      if (value.startsWith('*')) return caller(whole(`spiffe://.*${quote(value.slice(1))}`));
      if (value.endsWith('*'))
        return (connection) => connection.caller.startsWith(`spiffe://${value.slice(0, -1)}`);
      return (connection) => connection.caller === `spiffe://${value}`;
    },
    namespaces: (value) => caller(whole(`.*/ns/${value.replaceAll('*', '.*')}/.*`)),
    serviceAccounts: (value) => {
      const [first = '', second] = value.split('/');
      const [ns, sa] = second === undefined ? [namespace, first] : [first, second];
      return caller(whole(`spiffe://.+/ns/${ns}/(.+/|)sa/${sa}(/.+)?`));
    },
    ipBlocks: (value) => (connection) => connection.sourceIp === value,
    remoteIpBlocks: (value) => (connection) => connection.sourceIp === value,
    requestPrincipals: () => undefined,
    ports: (value) => (connection) => String(connection.port) === value,
    hosts: () => undefined,
    methods: () => undefined,
    paths: () => undefined,
    'destination.ip': (value) => (connection) => connection.address === value,
    'connection.sni': (value) => (connection) => connection.sni === value,
    'request.headers[x]': () => undefined,
  };
}

const fieldOfKey: Readonly<Record<string, string>> = {
  'source.principal': 'principals',
  'source.namespace': 'namespaces',
  'source.ip': 'ipBlocks',
  'destination.port': 'ports',
};

class HttpOnly extends Error {}

function compile(values: readonly string[], generator: Generator, isAllow: boolean): readonly Predicate[] {
  return values.flatMap((value) => {
    const predicate = generator(value);
    if (predicate !== undefined) return [predicate];
    if (isAllow) throw new HttpOnly();
    return [];
  });
}

function aliases(values: readonly string[], trustDomains: readonly string[]): readonly string[] {
  return values.flatMap((value) => {
    const parts = value.split('/');
    const [own = ''] = parts;
    if (parts.length !== 5 || own === '*') return [value];
    const matches = (name: string): boolean =>
      name === own ||
      (own.startsWith('*') && name.endsWith(own.slice(1))) ||
      (own.endsWith('*') && name.startsWith(own.slice(0, -1)));
    if (own !== 'cluster.local' && !trustDomains.some(matches)) return [value];
    return trustDomains.map((name) =>
      own.startsWith('*') && name.endsWith(own.slice(1)) ? value : [name, ...parts.slice(1)].join('/'),
    );
  });
}

function conjunction(
  fields: ReadonlyArray<{
    readonly field: string;
    readonly values: readonly string[];
    readonly notValues: readonly string[];
  }>,
  policy: ModelPolicy,
  trustDomains: readonly string[],
  isAllow: boolean,
): Predicate {
  const all = fields.flatMap(({ field, values, notValues }): Predicate[] => {
    const generator = generators(policy.namespace)[field];
    if (generator === undefined) throw new Error(`the model does not know ${field}`);
    const expand = (given: readonly string[]): readonly string[] =>
      field === 'principals' ? aliases(given, trustDomains) : given;
    const some = compile(expand(values), generator, isAllow);
    const none = compile(expand(notValues), generator, isAllow);
    return [
      ...(some.length === 0
        ? []
        : [(connection: Connection) => some.some((predicate) => predicate(connection))]),
      ...(none.length === 0
        ? []
        : [(connection: Connection) => !none.some((predicate) => predicate(connection))]),
    ];
  });
  return (connection) => all.every((predicate) => predicate(connection));
}

function fieldsOf(object: Readonly<Record<string, readonly string[]>>) {
  return Object.entries(object).map(([name, list]) => {
    const isNot = /^not[A-Z]/.test(name);
    const field = isNot ? name.charAt(3).toLowerCase() + name.slice(4) : name;
    return { field, values: isNot ? [] : list, notValues: isNot ? list : [] };
  });
}

type Rule = NonNullable<PolicySpec['rules']>[number];

function ruleMatches(
  { from = [], to = [], when = [] }: Rule,
  policy: ModelPolicy,
  trustDomains: readonly string[],
  connection: Connection,
): boolean {
  const isAllow = (policy.spec.action ?? 'ALLOW') === 'ALLOW';
  const conditions = when.map(({ key, values = [], notValues = [] }) => ({
    field: fieldOfKey[key] ?? key,
    values,
    notValues,
  }));
  const join = (object: Readonly<Record<string, readonly string[]>>): Predicate =>
    conjunction(fieldsOf(object), policy, trustDomains, isAllow);
  try {
    const base = conjunction(conditions, policy, trustDomains, isAllow);
    const sources = from.map(({ source }) => join(source));
    const operations = to.map(({ operation }) => join(operation));
    return (
      base(connection) &&
      (sources.length === 0 || sources.some((matches) => matches(connection))) &&
      (operations.length === 0 || operations.some((matches) => matches(connection)))
    );
  } catch (error) {
    if (error instanceof HttpOnly) return false;
    throw error;
  }
}

interface ModelScope {
  readonly namespace: string;
  readonly rootNamespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly trustDomains: readonly string[];
}

/** What the policies say of a connection: a DENY that matches, else an ALLOW that does. CUSTOM counts as DENY. */
export function verdict(
  policies: readonly ModelPolicy[],
  scope: ModelScope,
  connection: Connection,
): 'denied' | 'allowed' | 'neither' {
  const mine = policies.filter(({ namespace, dryRun, spec }) => {
    const isPlace = namespace === scope.namespace || namespace === scope.rootNamespace;
    const labels = Object.entries(spec.selector?.matchLabels ?? {});
    return !dryRun && isPlace && labels.every(([key, value]) => scope.labels[key] === value);
  });
  const matches = (actions: readonly string[]): boolean =>
    mine.some(
      (policy) =>
        actions.includes(policy.spec.action ?? 'ALLOW') &&
        (policy.spec.rules ?? []).some((rule) => ruleMatches(rule, policy, scope.trustDomains, connection)),
    );
  if (matches(['DENY', 'CUSTOM'])) return 'denied';
  return matches(['ALLOW']) ? 'allowed' : 'neither';
}
