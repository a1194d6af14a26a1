import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import type { KubeKind, KubeObject } from '../kube/object.js';
import type { MeshCa } from './mesh-ca.js';

export const trustDomain = 'cluster.local';
export const goodCallerId = `spiffe://${trustDomain}/ns/trusted/sa/sleep`;
export const badCallerId = `spiffe://${trustDomain}/ns/default/sa/default`;
export const serviceHost = 'bigip.default.svc.cluster.local';
export const allowlistName = 'echo-callers';
export const deviceUser = { name: 'admin', password: 'correct horse' } as const;

/** Puts into the cluster what is there before the agent does anything. */
export async function seedCluster(kube: KubeClient, meshCa: MeshCa): Promise<void> {
  for (const [kind, object] of clusterObjects(meshCa)) {
    const { name } = object.metadata;
    // A cluster has the namespace default from its start.
    const isThere = kind === kinds.namespace && (await kube.get({ kind, name })) !== undefined;
    if (!isThere) await kube.create(kind, object);
  }
}

/** What a platform team and Istio would have put into the cluster. */
function clusterObjects(meshCa: MeshCa): Array<[KubeKind, KubeObject]> {
  const core = (kind: string, namespace: string, name: string, content: object): KubeObject => ({
    apiVersion: 'v1',
    kind,
    metadata: { namespace, name },
    ...content,
  });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const cacerts = Object.entries(meshCa.cacertsData().reveal()).map(([key, value]) => [
    key,
    value.toString('base64'),
  ]);
  const root = { data: { 'root-cert.pem': meshCa.rootPem } };
  return [
    ...['istio-system', 'default', 'trusted', 'mesh-edge'].map((name): [KubeKind, KubeObject] => [
      kinds.namespace,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    ]),
    [
      kinds.secret,
      core('Secret', 'istio-system', 'cacerts', { type: 'Opaque', data: Object.fromEntries(cacerts) }),
    ],
    [
      kinds.configMap,
      core('ConfigMap', 'istio-system', 'istio', { data: { mesh: `trustDomain: ${trustDomain}\n` } }),
    ],
    [kinds.configMap, core('ConfigMap', 'istio-system', 'istio-ca-root-cert', root)],
    [
      kinds.secret,
      core('Secret', 'mesh-edge', 'bigip-edge', {
        type: 'Opaque',
        data: { username: base64(deviceUser.name), password: base64(deviceUser.password) },
      }),
    ],
    [
      kinds.configMap,
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          namespace: 'default',
          name: allowlistName,
          labels: { 'bigip-mesh.io/allowlist': 'echo' },
        },
        data: { allow: `# the good container\n${goodCallerId}\n` },
      },
    ],
  ];
}

/** The scenario's config file. */
export function renderScenarioConfig(parts: {
  readonly url: string;
  readonly certificateFile: string;
  readonly listen: { readonly address: string; readonly port: number };
  readonly echoPort: number;
}): string {
  return `apiVersion: bigip-mesh.io/v1
kind: AgentConfig
identity:
  source: ca-secret
  ttl: 24h
devices:
  - name: edge
    urls: ["${parts.url}"]
    credentials: {secretRef: {namespace: mesh-edge, name: bigip-edge}}
    tls: {caFile: ${JSON.stringify(parts.certificateFile)}}
    partition: mesh
services:
  - name: echo
    device: edge
    identity: {namespace: default, serviceAccount: bigip}
    host: ${serviceHost}
    listen: {address: ${parts.listen.address}, port: ${parts.listen.port}}
    backends: ["127.0.0.1:${parts.echoPort}"]
    allowlist:
      selector: {matchLabels: {bigip-mesh.io/allowlist: echo}}
    probe: {send: "hi\\n", expect: HI}
`;
}
