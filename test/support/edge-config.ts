import { parseConfig } from '../../src/config/load-config.js';
import type { AgentConfig } from '../../src/config/schema.js';

/** A config file of one device and one service, for what needs a config and no device. */
export function edgeConfig({ fromAuthorizationPolicies = false } = {}): AgentConfig {
  return parseConfig(
    `apiVersion: bigip-mesh.io/v1
kind: AgentConfig
identity: {source: ca-secret, renewAt: 0.5}
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
    allowlist: {selector: {matchLabels: {app: echo}}, fromAuthorizationPolicies: ${fromAuthorizationPolicies}}
`,
    'config.yaml',
  );
}
