import { ruleSuite } from './rule-suite.js';

const long = 'a'.repeat(64);

ruleSuite(
  'networking.istio.io/v1beta1',
  'WorkloadEntry',
  { address: '192.0.2.1', ports: { tcp: 9000 }, serviceAccount: 'edge', labels: { app: 'a' } },
  [
    ['no address', { address: undefined }, 'Address is required'],
    ['an empty address', { address: '' }, 'Address is required'],
    ['a network and no address', { address: undefined, network: 'n' }],
    ['a name', { address: 'a.example.com' }],
    ['an address that is nothing', { address: 'a_b' }, 'is not a valid FQDN or an IP address'],
    ['an address that is almost one', { address: '1.2.3.256' }, 'is not a valid FQDN or an IP address'],
    ['an IPv6 address', { address: '2001:db8::1' }],
    [
      'an address that YAML took apart',
      { address: { '2001:db8:': null } },
      'must be of type string: "object"',
    ],
    ['a unix socket', { address: 'unix:///a', ports: undefined }],
    ['a unix socket and ports', { address: 'unix:///a' }, 'UDS may not include ports'],
    ['port 65536', { ports: { tcp: 65_536 } }, 'port must be between 1-65535'],
    ['a negative port', { ports: { tcp: -1 } }, 'greater than or equal to 0'],
    [
      'a port that no text can be made of',
      { ports: { tcp: { toString: false } } },
      'port number {"toString":false}',
    ],
    ['a port name that is none', { ports: { 'a.b': 1 } }, 'spec.ports: Invalid value'],
    ['a port name of 63 characters', { ports: { [long.slice(1)]: 1 } }, 'spec.ports: Invalid value'],
    ['a port name of 62 characters', { ports: { [long.slice(2)]: 1 } }],
    ['a long service account', { serviceAccount: 'a'.repeat(254) }, 'Too long'],
    ['a long address', { address: 'a'.repeat(257) }, 'Too long'],
    ['a weight below 0', { weight: -1 }, 'spec.weight'],
    ['a bad label', { labels: { a: 'b c' } }, 'invalid tag value'],
    ['a label that is a number', { labels: { a: 1 } }, 'must be of type string: "integer"'],
  ],
);

ruleSuite(
  'networking.istio.io/v1alpha3',
  'WorkloadGroup',
  { template: { serviceAccount: 'edge' }, probe: { tcpSocket: { port: 80 } } },
  [
    ['no template', { template: undefined }, 'spec.template: Required value'],
    ['no probe', { probe: undefined }],
    ['an address', { template: { address: '192.0.2.1' } }],
    ['a bad template port', { template: { ports: { tcp: 70_000 } } }, 'port must be between 1-65535'],
    ['a bad template label', { template: { labels: { a: '*' } } }, 'invalid tag value'],
    ['a bad label', { metadata: { labels: { '-': 'a' } } }, 'invalid tag key'],
    ['a bad annotation', { metadata: { annotations: { 'a b': 'a' } } }, 'invalid annotation key'],
    ['a probe of nothing', { probe: {} }, 'exactly one of'],
    ['two probes', { probe: { tcpSocket: { port: 1 }, grpc: { port: 1 } } }, 'oneOf'],
    ['a gRPC probe without a port', { probe: { grpc: {} } }, 'port must be between 1-65535'],
    ['an HTTP probe', { probe: { httpGet: { port: 80, scheme: 'HTTP' } } }],
    ['an HTTP probe over FTP', { probe: { httpGet: { port: 80, scheme: 'FTP' } } }, 'scheme must be one of'],
    ['an exec probe of nothing', { probe: { exec: { command: [] } } }, 'a command is required'],
    ['a negative period', { probe: { tcpSocket: { port: 1 }, periodSeconds: -1 } }, 'periodSeconds'],
  ],
);
