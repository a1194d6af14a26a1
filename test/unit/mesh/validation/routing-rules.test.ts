import { ruleSuite } from './rule-suite.js';

const port = (protocol: string, more: object = {}): object => ({ number: 443, name: 'a', protocol, ...more });
const server = (more: object): object => ({
  servers: [{ port: port('HTTPS'), hosts: ['a.com'], tls: { mode: 'SIMPLE', credentialName: 'c' }, ...more }],
});

ruleSuite('networking.istio.io/v1', 'Gateway', server({}), [
  ['no servers', { servers: [] }, 'gateway must have at least one server'],
  ['no hosts', server({ hosts: [] }), 'at least one host'],
  ['a host of a namespace', server({ hosts: ['ns/*.a.com', './b.com', '*/*'] })],
  ['a bad namespace', server({ hosts: ['a_b/a.com'] }), 'invalid namespace value'],
  ['a bad host', server({ hosts: ['a_b'] }), 'invalid'],
  ['port 0', server({ port: port('HTTPS', { number: 0 }) }), 'must be in the range'],
  ['a port without a name', server({ port: { number: 1, protocol: 'TLS' } }), 'name: Required value'],
  ['a protocol that is none', server({ port: port('SCTP') }), 'invalid protocol "sctp"'],
  ['HTTPS and no TLS', server({ tls: undefined }), 'server must have TLS settings'],
  ['HTTP and TLS', server({ port: port('HTTP') }), 'cannot have TLS settings for plain text HTTP ports'],
  ['HTTP and a redirect', server({ port: port('HTTP'), tls: { httpsRedirect: true } })],
  ['PASSTHROUGH', server({ tls: { mode: 'PASSTHROUGH' } })],
  [
    'PASSTHROUGH and a certificate',
    server({ tls: { mode: 'PASSTHROUGH', credentialName: 'c' } }),
    'does not use certificates',
  ],
  [
    'ISTIO_MUTUAL and a key',
    server({ tls: { mode: 'ISTIO_MUTUAL', privateKey: 'k' } }),
    'does not use certificates',
  ],
  ['SIMPLE and nothing', server({ tls: { mode: 'SIMPLE' } }), 'requires a server certificate'],
  [
    'MUTUAL and no CA',
    server({ tls: { mode: 'MUTUAL', serverCertificate: 'c', privateKey: 'k' } }),
    'client CA bundle',
  ],
  [
    'a secret and secrets',
    server({ tls: { mode: 'SIMPLE', credentialName: 'c', credentialNames: ['c'] } }),
    'only one of',
  ],
  ['three secrets', server({ tls: { mode: 'SIMPLE', credentialNames: ['a', 'b', 'c'] } }), 'Too many: 3'],
  [
    'one port name twice',
    {
      servers: [
        { port: port('TCP'), hosts: ['a.com'] },
        { port: port('TCP', { number: 444 }), hosts: ['b.com'] },
      ],
    },
    'port names in servers must be unique',
  ],
  ['a bind that is no address', server({ bind: 'here' }), 'is not a valid IP address'],
]);

const route = [{ destination: { host: 'a.com' } }];
ruleSuite('networking.istio.io/v1', 'VirtualService', { hosts: ['a.com'], http: [{ route }] }, [
  ['no hosts, but a gateway', { hosts: [], gateways: ['g'] }, 'at least one host'],
  ['one host twice', { hosts: ['a.com', 'a.com'] }, 'duplicate hosts'],
  ['a bad host', { hosts: ['a_b'] }, 'invalid'],
  ['an address as the host', { hosts: ['192.0.2.1'] }],
  ['no routes', { http: undefined }, 'http, tcp or tls must be provided'],
  ['a route to nothing', { http: [{}] }, 'HTTP route, redirect or direct_response is required'],
  [
    'a route and a redirect',
    { http: [{ route, redirect: { uri: '/' } }] },
    'cannot contain route and redirect',
  ],
  ['a destination without a host', { http: [{ route: [{ destination: {} }] }] }, 'host: Required value'],
  [
    'a destination of everything',
    { http: [{ route: [{ destination: { host: '*' } }] }] },
    'invalid destination host',
  ],
  [
    'a bad port',
    { http: [{ route: [{ destination: { host: 'a', port: { number: 0 } } }] }] },
    'must be in the range',
  ],
  ['weights of nothing', { http: [{ route: [...route, ...route] }] }, 'total destination weight = 0'],
  ['a negative weight', { http: [{ route: [{ ...route[0], weight: -1 }] }] }, 'non-negative'],
  ['a short timeout', { http: [{ route, timeout: '1us' }] }, 'greater than 1ms'],
  ['a short retry', { http: [{ route, retries: { perTryTimeout: '0s' } }] }, 'greater than 1ms'],
  ['two ways to match', { http: [{ route, match: [{ uri: { exact: '/', prefix: '/' } }] }] }, 'oneOf'],
  ['TLS', { http: undefined, tls: [{ match: [{ sniHosts: ['a.com'] }], route }] }],
  [
    'TLS and no names',
    { http: undefined, tls: [{ match: [{ sniHosts: [] }], route }] },
    'at least one SNI host',
  ],
  ['TLS and no match', { http: undefined, tls: [{ route }] }, 'match: Required value'],
  [
    'TLS and no route',
    { http: undefined, tls: [{ match: [{ sniHosts: ['a.com'] }] }] },
    'TLS route is required',
  ],
  ['TCP', { http: undefined, tcp: [{ route }] }],
  ['TCP and no route', { http: undefined, tcp: [{}] }, 'TCP route is required'],
  ['exportTo nobody', { exportTo: ['~'] }, 'is not allowed for this kind'],
]);

const tag = (override: object): object => ({ metrics: [{ overrides: [{ tagOverrides: { a: override } }] }] });
ruleSuite('telemetry.istio.io/v1', 'Telemetry', { tracing: [{ providers: [{ name: 'p' }] }] }, [
  ['a provider without a name', { tracing: [{ providers: [{ name: '' }] }] }, 'at least 1 chars long'],
  ['150 percent', { tracing: [{ randomSamplingPercentage: 150 }] }, 'less than or equal to 100'],
  ['a tag', tag({ operation: 'UPSERT', value: 'x' })],
  ['a tag without a value', tag({ operation: 'UPSERT' }), 'value must be set when operation is UPSERT'],
  ['a removed tag with a value', tag({ operation: 'REMOVE', value: 'x' }), 'value must not be set'],
  ['a short interval', { metrics: [{ reportingInterval: '1us' }] }, 'greater than 1ms'],
  [
    'a metric that is none',
    { metrics: [{ overrides: [{ match: { metric: 'X' } }] }] },
    'Unsupported value: "X"',
  ],
  [
    'a selector and a target',
    { selector: { matchLabels: { a: 'b' } }, targetRef: { kind: 'Service', name: 'a' } },
    'only one of targetRefs or selector',
  ],
]);
