/** What a value of a rule is compared with. */
export type PolicyAttribute =
  | 'principal'
  | 'namespace'
  | 'service-account'
  | 'trust-domain'
  | 'port'
  | 'address'
  /** Something of HTTP, which Istio itself cannot see on a TCP port. */
  | 'http'
  /** Something of the connection that a device's data groups know nothing of. */
  | 'connection'
  /** Not what Istio's schema says. */
  | 'unreadable';

/** One field of a source or an operation, or one condition: a match if it has one of `values` and none of `notValues`. */
export interface PolicyClause {
  /** `rules[0].from[0].source.principals` */
  readonly path: string;
  readonly attribute: PolicyAttribute;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

/** A rule: matches when one source, one operation and every condition do. */
export interface PolicyRule {
  /** `rules[0]` */
  readonly path: string;
  /** Each a list of clauses that must all match; one empty list stands for every source. */
  readonly sources: ReadonlyArray<readonly PolicyClause[]>;
  readonly operations: ReadonlyArray<readonly PolicyClause[]>;
  readonly conditions: readonly PolicyClause[];
}

/** By field; each has a second one, `principals` and `notPrincipals`. */
const sourceFields: Readonly<Record<string, PolicyAttribute>> = {
  principals: 'principal',
  namespaces: 'namespace',
  serviceAccounts: 'service-account',
  trustDomains: 'trust-domain',
  ipBlocks: 'connection',
  remoteIpBlocks: 'connection',
  requestPrincipals: 'http',
};

const operationFields: Readonly<Record<string, PolicyAttribute>> = {
  ports: 'port',
  hosts: 'http',
  methods: 'http',
  paths: 'http',
};

const conditionKeys: Readonly<Record<string, PolicyAttribute>> = {
  'source.principal': 'principal',
  'source.namespace': 'namespace',
  'source.serviceAccount': 'service-account',
  'source.trustDomain': 'trust-domain',
  'destination.port': 'port',
  'destination.ip': 'address',
  'source.ip': 'connection',
  'remote.ip': 'connection',
  'connection.sni': 'connection',
  'request.auth.principal': 'http',
  'request.auth.audiences': 'http',
  'request.auth.presenter': 'http',
};

/** Reads one rule. It cannot fail: what is wrong becomes a clause that is unreadable. */
export function parseRule(rule: unknown, path: string): PolicyRule {
  if (!isMapping(rule)) return { path, sources: [[]], operations: [[]], conditions: [unreadable(path)] };
  const { from, to, when, ...others } = rule;
  const conditions = listOf(when);
  return {
    path,
    sources: alternatives(from, `${path}.from`, 'source', sourceFields),
    operations: alternatives(to, `${path}.to`, 'operation', operationFields),
    conditions: [
      ...(conditions?.map((given, index) => parseCondition(given, `${path}.when[${index}]`)) ?? [
        unreadable(`${path}.when`),
      ]),
      ...Object.keys(others).map((key) => unreadable(`${path}.${key}`)),
    ],
  };
}

/** The list of a rule's sources or operations; none of them means any. */
function alternatives(
  given: unknown,
  path: string,
  member: 'source' | 'operation',
  fields: Readonly<Record<string, PolicyAttribute>>,
): ReadonlyArray<readonly PolicyClause[]> {
  const list = listOf(given);
  if (list === undefined) return [[unreadable(path)]];
  if (list.length === 0) return [[]];
  return list.map((entry: unknown, index) => {
    const place = `${path}[${index}]`;
    if (!isMapping(entry)) return [unreadable(place)];
    const inner = entry[member];
    const clauses = [
      ...Object.keys(entry)
        .filter((key) => key !== member)
        .map((key) => unreadable(`${place}.${key}`)),
      ...(isMapping(inner) ? fieldClauses(inner, `${place}.${member}`, fields) : []),
    ];
    // Istio's validation refuses an empty one, because it would match everything.
    return clauses.length === 0 ? [unreadable(`${place}.${member}`)] : clauses;
  });
}

function fieldClauses(
  given: Mapping,
  path: string,
  fields: Readonly<Record<string, PolicyAttribute>>,
): readonly PolicyClause[] {
  return Object.entries(given).flatMap(([key, list]) => {
    const place = `${path}.${key}`;
    const values = textsOf(list);
    const field = Object.keys(fields).find((name) => name === key || negated(name) === key);
    const attribute = field === undefined ? undefined : fields[field];
    if (attribute === undefined || values === undefined) return [unreadable(place)];
    if (values.length === 0) return [];
    return [clause(place, attribute, field === key ? values : [], field === key ? [] : values)];
  });
}

function parseCondition(given: unknown, path: string): PolicyClause {
  if (!isMapping(given)) return unreadable(path);
  const { key, values, notValues, ...others } = given;
  const wanted = textsOf(values);
  const unwanted = textsOf(notValues);
  const attribute = typeof key === 'string' ? attributeOf(key) : undefined;
  const isComplete = wanted !== undefined && unwanted !== undefined && wanted.length + unwanted.length > 0;
  if (attribute === undefined || !isComplete || Object.keys(others).length > 0) return unreadable(path);
  return clause(`${path} (${String(key)})`, attribute, wanted, unwanted);
}

function attributeOf(key: string): PolicyAttribute | undefined {
  if (Object.hasOwn(conditionKeys, key)) return conditionKeys[key];
  if (/^request\.(headers|auth\.claims)\[/.test(key)) return 'http';
  return key.startsWith('experimental.envoy.filters.') ? 'connection' : undefined;
}

/** Undefined for what is no list; one that is not there is empty. */
function listOf(given: unknown): readonly unknown[] | undefined {
  if (given === undefined || given === null) return [];
  return Array.isArray(given) ? given : undefined;
}

/** Undefined for what is no list of texts; Istio's validation refuses empty ones. */
function textsOf(given: unknown): readonly string[] | undefined {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) return undefined;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  return given.every(isText) ? given : undefined;
}

function negated(field: string): string {
  return `not${field.charAt(0).toUpperCase()}${field.slice(1)}`;
}

function clause(
  path: string,
  attribute: PolicyAttribute,
  values: readonly string[] = [],
  notValues: readonly string[] = [],
): PolicyClause {
  return { path, attribute, values, notValues };
}

function unreadable(path: string): PolicyClause {
  return clause(path, 'unreadable');
}

type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
