import { ruleSuite } from './rule-suite.js';

const long = 'a'.repeat(64);

ruleSuite(
  'security.istio.io/v1beta1',
  'PeerAuthentication',
  {
    selector: { matchLabels: { app: 'a' } },
    mtls: { mode: 'STRICT' },
    portLevelMtls: { '80': { mode: 'DISABLE' } },
  },
  [
    ['a mode that is none', { mtls: { mode: 'MAYBE' } }, 'Unsupported value: "MAYBE"'],
    ['a port mode that is none', { portLevelMtls: { '80': { mode: 'X' } } }, 'Unsupported value: "X"'],
    [
      'a port that is no number',
      { portLevelMtls: { http: { mode: 'STRICT' } } },
      'port must be between 1-65535',
    ],
    ['port 0', { portLevelMtls: { '0': { mode: 'STRICT' } } }, 'port must be between 1-65535'],
    ['ports and an empty selector', { selector: {} }, 'portLevelMtls requires selector'],
    ['ports and no labels', { selector: { matchLabels: {} } }, 'portLevelMtls requires selector'],
    ['no ports and no selector', { selector: undefined, portLevelMtls: undefined }],
    ['ports that are none', { portLevelMtls: {} }, 'should have at least 1 properties'],
    ['a wildcard', { selector: { matchLabels: { 'a*': 'b' } } }, 'wildcard not allowed in label key match'],
    ['an empty key', { selector: { matchLabels: { '': 'b' } } }, 'key must not be empty'],
    ['a long label', { selector: { matchLabels: { a: long } } }, 'Too long'],
  ],
);

const rule = (parts: object): object => ({ rules: [parts] });
const from = (source: object): object => rule({ from: [{ source }] });
const to = (operation: object): object => rule({ to: [{ operation }] });
const when = (key: string, ...values: string[]): object => rule({ when: [{ key, values }] });
ruleSuite(
  'security.istio.io/v1',
  'AuthorizationPolicy',
  {
    selector: { matchLabels: { app: 'a' } },
    rules: [{ from: [{ source: { principals: ['cluster.local/ns/a/sa/b'] } }] }],
  },
  [
    ['nothing at all', { selector: undefined, rules: undefined }],
    ['DENY and no rules', { action: 'DENY', rules: undefined }, 'DENY action without `rules`'],
    ['DENY and an empty rule', { action: 'DENY', rules: [{}] }],
    ['AUDIT', { action: 'AUDIT' }],
    ['an action that is none', { action: 'BLOCK' }, 'Unsupported value: "BLOCK"'],
    ['CUSTOM and no provider', { action: 'CUSTOM', rules: [{}] }, '`provider.name` must not be empty'],
    [
      'CUSTOM and no rules',
      { action: 'CUSTOM', rules: undefined, provider: { name: 'p' } },
      'CUSTOM action without `rules`',
    ],
    ['CUSTOM', { action: 'CUSTOM', rules: [{}], provider: { name: 'p' } }],
    [
      'CUSTOM and principals',
      { action: 'CUSTOM', provider: { name: 'p' } },
      'not supported with CUSTOM action',
    ],
    ['a provider of another action', { provider: { name: 'p' } }, 'must not be with non CUSTOM action'],
    [
      'a selector and a target',
      { targetRef: { kind: 'Service', name: 'a' } },
      'only one of targetRefs or selector',
    ],
    ['a target', { selector: undefined, targetRefs: [{ kind: 'Service', name: 'a' }] }],
    [
      'a target elsewhere',
      { selector: undefined, targetRefs: [{ kind: 'Service', name: 'a', namespace: 'b' }] },
      'cross namespace referencing',
    ],
    [
      'a target of another kind',
      { selector: undefined, targetRefs: [{ kind: 'Pod', name: 'a' }] },
      'targetRef must be to',
    ],
    [
      'a target without a name',
      { selector: undefined, targetRefs: [{ kind: 'Service' }] },
      'name: Required value',
    ],
    ['no sources', rule({ from: [] }), '`from` cannot be empty'],
    ['a source of nothing', from({}), '`source` must have at least one field'],
    ['no source', rule({ from: [{}] }), '`from.source` cannot be nil'],
    ['an empty principal', from({ principals: [''] }), 'empty value in principals'],
    ['no operations', rule({ to: [] }), '`to` cannot be empty'],
    ['an operation of nothing', to({}), '`operation` must have at least one field'],
    ['no operation', rule({ to: [{}] }), '`to.operation` cannot be nil'],
    ['a service account', from({ serviceAccounts: ['a/b'] })],
    [
      'a service account and a namespace',
      from({ serviceAccounts: ['b'], namespaces: ['a'] }),
      'Cannot set serviceAccounts',
    ],
    ['a service account of three parts', from({ serviceAccounts: ['a/b/c'] }), 'expected format'],
    ['service accounts by wildcard', from({ serviceAccounts: ['a/*'] }), 'no wildcard'],
    [
      '17 service accounts',
      from({ serviceAccounts: Array.from({ length: 17 }, (_, i) => `a${i}`) }),
      'Too many: 17',
    ],
    ['an address', from({ ipBlocks: ['192.0.2.1', '2001:db8::/32'] })],
    ['an address that is none', from({ ipBlocks: ['192.0.2'] }), 'bad IP address'],
    ['a negated range that is none', from({ notIpBlocks: ['192.0.2.0/x'] }), 'bad CIDR range'],
    ['a port', to({ ports: ['80'] })],
    ['a port that is none', to({ ports: ['http'] }), 'invalid port http'],
    ['port 65536', to({ notPorts: ['65536'] }), 'invalid port 65536'],
    ['a path template', to({ paths: ['/a/{*}/{**}'] })],
    ['a path template that goes on', to({ paths: ['/{**}/a/{*}'] }), '{**} is not the last operator'],
    ['a path template between words', to({ paths: ['/a/{**}/b/'] })],
    ['a path template beside a blank', to({ paths: ['/a b/{*}'] }), 'is no literal segment'],
    ['a path with a brace', to({ paths: ['/a{'] }), 'beyond {*} and {**}'],
    ['DENY and rules that are none', { action: 'DENY', rules: [] }, 'DENY action without `rules`'],
    ['a bad path template', to({ paths: ['/a/{b}'] }), 'invalid or unsupported path'],
    ['a template with a wildcard', to({ paths: ['/a*/{*}'] }), 'invalid or unsupported path'],
    ['a condition', when('source.namespace', 'a')],
    ['a condition on a header', when('request.headers[x]', 'a')],
    ['a condition on no header', when('request.headers', 'a'), 'bad key'],
    ['a condition on what is unknown', when('source.colour', 'red'), 'unknown attribute'],
    ['a condition without values', when('source.namespace'), 'at least one of'],
    ['a condition without a key', rule({ when: [{ values: ['a'] }] }), 'key: Required value'],
    ['a condition on a bad address', when('source.ip', 'x'), 'bad IP address'],
    ['a condition on a bad port', when('destination.port', 'x'), 'invalid port x'],
    ['a principal that is a number', from({ principals: [1] }), 'must be of type string: "integer"'],
  ],
);
