import { strict as assert } from 'node:assert';

import { parseConfig } from '../../../src/config/load-config.js';
import { requireSupported } from '../../../src/config/supported.js';

function configWith(allowlist: string): string {
  return `apiVersion: bigip-mesh.io/v1
kind: AgentConfig
devices:
  - name: edge
    urls: ["https://192.0.2.10"]
    credentials: {files: {username: /u, password: /p}}
    tls: {caFile: /ca.pem}
services:
  - name: echo
    device: edge
    identity: {namespace: default, serviceAccount: bigip}
    host: bigip.default.svc.cluster.local
    listen: {address: 192.0.2.20, port: 9000}
    backends: ["192.0.2.30:9000"]
    allowlist: ${allowlist}
`;
}

describe('the allowlist of a service in the config file', () => {
  it('names at least one label, or every ConfigMap of the namespace would be one', () => {
    assert.throws(() => parseConfig(configWith('{selector: {matchLabels: {}}}'), 'config.yaml'), {
      code: 'MESH_ERR_CONFIG_INVALID',
      message: /must name a label/,
    });
  });

  it('may take AuthorizationPolicies', () => {
    const text = configWith('{selector: {matchLabels: {app: echo}}, fromAuthorizationPolicies: true}');
    const config = parseConfig(text, 'config.yaml');
    requireSupported(config);
    assert.equal(config.services[0]?.allowlist.fromAuthorizationPolicies, true);
  });
});
