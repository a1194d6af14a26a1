import { strict as assert } from 'node:assert';
import { AgentError } from '../../../src/errors.js';
import { loadConfig, parseConfig } from '../../../src/config/load-config.js';

const valid = `apiVersion: bigip-mesh.io/v1
kind: AgentConfig
identity:
  source: ca-secret
devices:
  - name: edge
    urls: ["https://192.0.2.10"]
    credentials:
      secretRef: {namespace: mesh-edge, name: bigip-edge}
    tls:
      caFile: /etc/bigip/ca.pem
services:
  - name: echo
    device: edge
    identity: {namespace: default, serviceAccount: bigip}
    host: bigip.default.svc.cluster.local
    listen: {address: 198.51.100.20, port: 9000}
    backends: ["10.1.20.5:9000"]
    allowlist:
      selector:
        matchLabels: {bigip-mesh.io/allowlist: echo}
`;

function refusal(text: string): string {
  try {
    parseConfig(text, 'config.yaml');
  } catch (error) {
    assert.ok(error instanceof AgentError);
    assert.equal(error.code, 'MESH_ERR_CONFIG_INVALID');
    assert.equal(error.consequence, 'invalid');
    return error.message;
  }
  return assert.fail('the config was accepted');
}

describe('the config file', () => {
  it('fills in the defaults that the reference names', () => {
    const config = parseConfig(valid, 'config.yaml');
    assert.deepEqual(config.identity, {
      source: 'ca-secret',
      keyType: 'ec-p256',
      ttl: 86_400_000,
      renewAt: 0.5,
      rootRotation: { remove: [] },
    });
    assert.equal(config.devices[0]?.partition, 'mesh');
    assert.equal(config.services[0]?.registration, 'workload-entry');
    assert.deepEqual(config.services[0]?.backends, [{ address: '10.1.20.5', port: 9000 }]);
  });

  it('takes its identity from istiod when nothing else is said', () => {
    assert.equal(
      parseConfig(valid.replace('  source: ca-secret', '  ttl: 1h'), 'c').identity.source,
      'istiod',
    );
  });

  it('takes AuthorizationPolicies where it says so, and not otherwise', () => {
    const [echo] = parseConfig(valid, 'config.yaml').services;
    assert.equal(echo?.allowlist.fromAuthorizationPolicies, false);
    const more = valid.replace('      selector:', '      fromAuthorizationPolicies: true\n      selector:');
    const [told] = parseConfig(more, 'config.yaml').services;
    assert.equal(told?.allowlist.fromAuthorizationPolicies, true);
  });

  it('is frozen to its depth after loading', () => {
    const config = parseConfig(valid, 'config.yaml');
    assert.throws(() => Object.assign(config.services[0]?.listen ?? {}, { port: 1 }), TypeError);
  });

  it('names the file when it cannot be read', async () => {
    await assert.rejects(loadConfig('/nowhere/config.yaml'), (error: AgentError) => {
      assert.equal(error.code, 'MESH_ERR_CONFIG_UNREADABLE');
      assert.match(error.message, /\/nowhere\/config\.yaml cannot be read \(ENOENT\)/);
      return true;
    });
  });

  const faults: Array<[name: string, from: string, to: string, message: RegExp]> = [
    [
      'names the nearest key for a misspelt one',
      'backends:',
      'backend:',
      /^config\.yaml:18:\d+: services\[0\]\.backend is an unknown key; did you mean "backends"\?/m,
    ],
    [
      'lists the known keys when none is near',
      'kind: AgentConfig',
      'kind: AgentConfig\nzzz: 1',
      /zzz is an unknown key; known keys: apiVersion, kind, mesh/,
    ],
    ['says which key is missing', '    device: edge\n', '', /services\[0\]\.device is missing/],
    [
      'points at a backend without a port',
      '10.1.20.5:9000',
      '10.1.20.5',
      /config\.yaml:18:16: services\[0\]\.backends\[0\] "10\.1\.20\.5" is no ADDRESS:PORT/,
    ],
    ['refuses a backend with a port out of range', '10.1.20.5:9000', '10.1.20.5:99999', /port 99999/],
    ['refuses another version', 'bigip-mesh.io/v1', 'bigip-mesh.io/v2', /apiVersion .*bigip-mesh\.io\/v1/],
    [
      'refuses a host that is no DNS name',
      'bigip.default.svc.cluster.local',
      'bigip_.default',
      /host is no DNS name/,
    ],
    [
      'refuses a device that is not defined',
      'device: edge',
      'device: egde',
      /"egde" is not in devices \(edge\)/,
    ],
    ['refuses plain HTTP to the device', 'https://192', 'http://192', /urls\[0\] must be https:/],
    [
      'refuses a URL that carries a password',
      'https://192',
      'https://admin:pw@192',
      /must be https:.* without user, password/,
    ],
    [
      'demands that the management connection be verified',
      'caFile: /etc/bigip/ca.pem',
      '{}',
      /exactly one of caFile and sha256/,
    ],
    ['refuses the partition Common', '    tls:', '    partition: Common\n    tls:', /must not be Common/],
    ['refuses a lifetime that is no duration', 'source: ca-secret', 'ttl: 1 day', /"1 day" is no duration/],
    [
      'refuses a host in another namespace than the identity',
      'namespace: default',
      'namespace: prod',
      /sidecars would expect another SPIFFE ID/,
    ],
    ['refuses broken YAML with its position', 'kind: AgentConfig', 'kind: [', /^config\.yaml:\d+:\d+: /],
  ];
  for (const [name, from, to, message] of faults) {
    it(name, () => assert.match(refusal(valid.replace(from, to)), message));
  }

  it('refuses two services on one listen address', () => {
    const second = valid.slice(valid.indexOf('  - name: echo')).replace('name: echo', 'name: other');
    assert.match(
      refusal(valid + second),
      /198\.51\.100\.20:9000 on device edge is already taken by service echo/,
    );
  });

  it('refuses two devices with one partition of one BIG-IP: each would remove what the other made', () => {
    const from = valid.indexOf('  - name: edge');
    const device = valid.slice(from, valid.indexOf('services:'));
    const two = (second: string): string =>
      valid.slice(0, from) + device + second + valid.slice(from + device.length);
    const other = device.replace('name: edge', 'name: again');
    assert.match(
      refusal(two(other)),
      /devices\[1\]\.partition "mesh" of https:\/\/192\.0\.2\.10 is already that of device edge/,
    );
    assert.ok(parseConfig(two(other.replace('192.0.2.10', '192.0.2.11')), 'config.yaml'));
    assert.ok(parseConfig(two(other.replace('    tls:', '    partition: edge\n    tls:')), 'config.yaml'));
  });

  it('refuses a name that is used twice', () => {
    const second = valid.slice(valid.indexOf('  - name: echo')).replace('port: 9000', 'port: 9001');
    assert.match(refusal(valid + second), /services\[1\]\.name "echo" is used twice/);
  });

  it('reports every fault at once, a line each', () => {
    const lines = refusal(
      valid
        .replace('kind: AgentConfig', 'kind: X')
        .replace('device: edge', 'devise: edge')
        .replace('tls:', 'tsl:'),
    ).split('\n');
    assert.ok(lines.length >= 3, lines.join('\n'));
    for (const line of lines) assert.match(line, /^config\.yaml:\d+:\d+: /);
  });
});
