import { ruleSuite } from './rule-suite.js';

const tls = (settings: object): object => ({ trafficPolicy: { tls: settings } });
ruleSuite(
  'networking.istio.io/v1',
  'DestinationRule',
  {
    host: 'bigip.default.svc.cluster.local',
    trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL', subjectAltNames: ['spiffe://cluster.local/ns/a/sa/b'] } },
  },
  [
    ['no host', { host: undefined }, 'spec.host: Required value'],
    ['an empty host', { host: '' }, 'empty domain name'],
    ['a wildcard host', { host: '*.default.svc.cluster.local' }],
    ['a bad host', { host: 'a_b' }, 'invalid'],
    ['no policy', { trafficPolicy: undefined }],
    ['an empty policy', { trafficPolicy: {} }, 'traffic policy must have at least one field'],
    ['ISTIO_MUTUAL alone', tls({ mode: 'ISTIO_MUTUAL' })],
    ['MUTUAL and files', tls({ mode: 'MUTUAL', clientCertificate: 'c', privateKey: 'k' })],
    [
      'MUTUAL and no key',
      tls({ mode: 'MUTUAL', clientCertificate: 'c' }),
      'private key required for mutual tls',
    ],
    ['MUTUAL and a secret', tls({ mode: 'MUTUAL', credentialName: 's' })],
    [
      'a secret and files',
      tls({ mode: 'MUTUAL', credentialName: 's', clientCertificate: 'c' }),
      'if credentialName is set',
    ],
    [
      'a secret and a CA',
      tls({ mode: 'SIMPLE', credentialName: 's', caCertificates: 'c' }),
      'if credentialName',
    ],
    ['SIMPLE alone', tls({ mode: 'SIMPLE' })],
    [
      'no verification, but a CA',
      tls({ mode: 'SIMPLE', insecureSkipVerify: true, caCertificates: 'c' }),
      'when insecureSkipVerify is set',
    ],
    [
      'no verification, but names',
      tls({ mode: 'SIMPLE', insecureSkipVerify: true, subjectAltNames: ['a'] }),
      'when insecureSkipVerify is set',
    ],
    ['no verification', tls({ mode: 'SIMPLE', insecureSkipVerify: true })],
    ['a mode that is none', tls({ mode: 'PLAIN' }), 'Unsupported value: "PLAIN"'],
    [
      'a port',
      { trafficPolicy: { portLevelSettings: [{ port: { number: 9000 }, tls: { mode: 'ISTIO_MUTUAL' } }] } },
    ],
    [
      'settings for no port',
      { trafficPolicy: { portLevelSettings: [{ tls: { mode: 'DISABLE' } }] } },
      'must have valid port',
    ],
    [
      'settings for port 0',
      { trafficPolicy: { portLevelSettings: [{ port: { number: 0 }, tls: { mode: 'DISABLE' } }] } },
      'must be in the range 1..65535',
    ],
    [
      'a port and nothing for it',
      { trafficPolicy: { portLevelSettings: [{ port: { number: 1 } }] } },
      'port traffic policy must have at least one field',
    ],
    [
      "a port's MUTUAL without a certificate",
      { trafficPolicy: { portLevelSettings: [{ port: { number: 1 }, tls: { mode: 'MUTUAL' } }] } },
      'client certificate required',
    ],
    [
      'a tunnel and the proxy protocol',
      {
        trafficPolicy: { tunnel: { targetHost: 'a.com', targetPort: 1 }, proxyProtocol: { version: 'V1' } },
      },
      'must not be set together',
    ],
    [
      'a tunnel by GET',
      { trafficPolicy: { tunnel: { protocol: 'GET', targetHost: 'a.com', targetPort: 1 } } },
      'tunnel protocol must be',
    ],
    ['subsets', { subsets: [{ name: 'a', labels: { v: '1' } }, { name: 'b' }] }],
    ['one subset twice', { subsets: [{ name: 'a' }, { name: 'a' }] }, 'duplicate subset name'],
    ['a bad subset name', { subsets: [{ name: 'a_b' }] }, 'subset name is invalid'],
    ['a bad subset label', { subsets: [{ name: 'a', labels: { v: '!' } }] }, 'invalid tag value'],
    ['an empty policy of a subset', { subsets: [{ name: 'a', trafficPolicy: {} }] }, 'at least one field'],
    [
      'a short timeout',
      { trafficPolicy: { connectionPool: { tcp: { connectTimeout: '10us' } } } },
      'greater than 1ms',
    ],
    ['a timeout of 1 ms', { trafficPolicy: { connectionPool: { tcp: { connectTimeout: '1ms' } } } }],
    ['a timeout of 1h30m', { trafficPolicy: { connectionPool: { tcp: { connectTimeout: '1h30m' } } } }],
    [
      'a timeout that is none',
      { trafficPolicy: { connectionPool: { tcp: { connectTimeout: '5' } } } },
      'greater than 1ms',
    ],
    ['no idle timeout', { trafficPolicy: { connectionPool: { tcp: { idleTimeout: '0s' } } } }],
    [
      'an empty pool',
      { trafficPolicy: { connectionPool: {} } },
      'connection pool must have at least one field',
    ],
    [
      'connections below 0',
      { trafficPolicy: { connectionPool: { tcp: { maxConnections: -1 } } } },
      'non-negative',
    ],
    [
      'an upgrade of the protocol of the caller',
      {
        trafficPolicy: { connectionPool: { http: { useClientProtocol: true, h2UpgradePolicy: 'UPGRADE' } } },
      },
      'must not be true when H2UpgradePolicy is UPGRADE',
    ],
    [
      '101 percent',
      { trafficPolicy: { outlierDetection: { maxEjectionPercent: 101 } } },
      'not in range 0..100',
    ],
    [
      'two ways to balance',
      { trafficPolicy: { loadBalancer: { simple: 'RANDOM', consistentHash: {} } } },
      'oneOf',
    ],
    [
      'weights that are not 100',
      {
        trafficPolicy: {
          loadBalancer: { localityLbSetting: { distribute: [{ from: 'a', to: { b: 99 } }] } },
        },
      },
      'total locality weight 99',
    ],
    ['a selector', { workloadSelector: { matchLabels: { a: 'b' } }, exportTo: ['.'] }],
    [
      'a selector and another namespace',
      { workloadSelector: { matchLabels: { a: 'b' } }, exportTo: ['other'] },
      'own namespace',
    ],
    ['a wildcard in the selector', { workloadSelector: { matchLabels: { a: '*' } } }, 'wildcard not allowed'],
    ['exportTo nobody', { exportTo: ['~'] }, 'is not allowed for this kind'],
  ],
);
