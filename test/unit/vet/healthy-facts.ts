import { parseConfig } from '../../../src/config/load-config.js';
import { renderScenarioConfig } from '../../../src/demo/surroundings.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { renderDataGroups } from '../../../src/irule/data-groups.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { renderRegistration } from '../../../src/mesh/registration.js';
import { clientSslMembers } from '../../../src/reconcile/client-ssl-profile.js';
import { known } from '../../../src/vet/datum.js';
import type { Datum } from '../../../src/vet/datum.js';
import { listedKinds } from '../../../src/vet/facts.js';
import type { ClusterFacts, DeviceFacts, Facts, ListedKind, ServiceFacts } from '../../../src/vet/facts.js';
import { parseVettedMeshConfig } from '../../../src/vet/mesh-config.js';
import { vetKinds } from '../../../src/vet/read/vet-kinds.js';
import { meshObjects, object } from './healthy-mesh.js';

const now = new Date('2026-01-01T12:00:00Z');
const caller = 'spiffe://cluster.local/ns/trusted/sa/sleep';
const listen = { address: '192.0.2.10', port: 9000 };

/** Facts of a set-up in which everything is as it should be; tests change single ones. */
export async function healthyFacts(): Promise<Facts> {
  const meshCa = await MeshCa.create({ now });
  const config = parseConfig(
    renderScenarioConfig({ url: 'https://192.0.2.1', certificateFile: 'bigip.crt', listen, echoPort: 9001 }),
    'config.yaml',
  );
  return {
    now,
    config,
    cluster: clusterFacts(meshCa),
    devices: new Map([['edge', deviceFacts(meshCa)]]),
    services: new Map([['echo', await serviceFacts(meshCa)]]),
  };
}

function clusterFacts(meshCa: MeshCa): ClusterFacts {
  const registered = renderRegistration({
    form: 'workload-entry',
    spiffeId: 'spiffe://cluster.local/ns/default/sa/bigip',
    name: 'echo',
    host: 'bigip.default.svc.cluster.local',
    namespace: 'default',
    serviceAccount: 'bigip',
    addresses: [listen.address],
    port: listen.port,
  });
  const injected = { metadata: { labels: { 'istio-injection': 'enabled' } } };
  const all: ReadonlyArray<readonly [{ readonly plural: string }, KubeObject]> = [
    ...meshObjects(meshCa.rootPem),
    ...registered.map(({ kind, object: made }) => [kind, made] as const),
    [kinds.namespace, object(kinds.namespace, 'istio-system')],
    [kinds.namespace, object(kinds.namespace, 'default', injected)],
    [kinds.namespace, object(kinds.namespace, 'trusted', injected)],
  ];
  const lists = Object.fromEntries(
    listedKinds.map((name) => [
      name,
      known(
        all.filter(([{ plural }]) => plural === vetKinds[name].plural).map(([, made]) => withHealth(made)),
      ),
    ]),
  ) as Record<ListedKind, Datum<readonly KubeObject[]>>;
  const meshConfig = parseVettedMeshConfig('trustDomain: cluster.local\n');
  if (!meshConfig.ok) throw new Error(meshConfig.reason);
  const roots = known(meshCa.rootPem);
  return {
    ...lists,
    meshConfig: known(meshConfig.value),
    revisionConfigs: new Map(),
    publishedRoots: new Map(['istio-system', 'default', 'trusted'].map((name) => [name, roots])),
    caSecrets: known({ names: ['cacerts'] }),
    clusterName: known('Kubernetes'),
    agentRights: known([
      { verb: 'patch', group: '', resource: 'services', namespace: 'default', allowed: true },
    ]),
  };
}

function withHealth(made: KubeObject): KubeObject {
  return made.kind === 'WorkloadEntry'
    ? { ...made, status: { conditions: [{ type: 'Healthy', status: 'True' }] } }
    : made;
}

/** Of a device that the agent has applied to. */
function deviceFacts(meshCa: MeshCa): DeviceFacts {
  const at = (name: string): string => `/mesh/${name}`;
  const profile = clientSslMembers(
    { cert: at('echo.crt'), key: at('echo.key'), chain: at('chain.crt'), trustBundle: at('roots.crt') },
    '16.1.3.3',
  );
  const records = renderDataGroups(allowlist(), ['cluster.local']);
  return {
    version: known('16.1.3.3'),
    notReady: known([]),
    user: known({ name: 'admin', access: [{ partition: 'all-partitions', role: 'admin' }] }),
    tokens: known({ count: 1 }),
    clockAheadMs: known(0),
    sync: known({ status: 'Standalone', mode: 'standalone', summary: '' }),
    failover: known(['ACTIVE']),
    virtuals: known([
      {
        name: 'echo',
        fullPath: at('echo'),
        destination: '/mesh/192.0.2.10:9000',
        rules: [at('spiffe_allowlist')],
        profilesReference: { items: [{ fullPath: '/Common/tcp' }, { fullPath: at('echo_clientssl') }] },
      },
    ]),
    clientSslProfiles: known([
      { ...profile, fullPath: at('echo_clientssl'), selfLink: 'https://localhost/mgmt/tm/x?ver=16.1.3.3' },
    ]),
    dataGroups: known(
      (['allow', 'deny', 'settings'] as const).map((list) => ({
        fullPath: at(`echo_${list}`),
        records: records[list],
      })),
    ),
    certificates: known([
      {
        fullPath: at('roots.crt'),
        fingerprint: `SHA256/${meshCa.rootCertificate.fingerprint256}`,
      },
    ]),
    rules: new Map([
      [at('spiffe_allowlist'), known({ apiAnonymous: '# bigip-mesh-agent\nwhen RULE_INIT {}\n' })],
    ]),
  };
}

async function serviceFacts(meshCa: MeshCa): Promise<ServiceFacts> {
  const svid = await meshCa.mint('spiffe://cluster.local/ns/default/sa/bigip');
  const flight = {
    version: 'TLSv1.2',
    alpn: undefined,
    certificates: [svid.leaf, ...svid.chain],
    requestsCertificate: true,
    alert: undefined,
  };
  return {
    allowlist: known({ allowlist: allowlist(), refusals: [], configMaps: ['default/echo-callers'] }),
    listener: known({
      isClosed: false,
      flight,
      flightWithoutName: flight,
      oldestVersion: undefined,
      plaintextAnswer: undefined,
    }),
  };
}

function allowlist() {
  const origin = { namespace: 'default', configMap: 'echo-callers', key: 'allow', line: 1 } as const;
  return {
    allow: [{ text: caller, trustDomain: 'cluster.local', origin }],
    deny: [],
    mode: 'enforce',
  } as const;
}

/** Facts with some of the device replaced. */
export function withDevice(facts: Facts, changed: Partial<DeviceFacts>): Facts {
  const edge = facts.devices.get('edge');
  if (edge === undefined) throw new Error('the device is part of the facts');
  return { ...facts, devices: new Map([['edge', { ...edge, ...changed }]]) };
}

/** Facts with some of the cluster replaced. */
export function withCluster(facts: Facts, changed: Partial<ClusterFacts>): Facts {
  return { ...facts, cluster: { ...facts.cluster, ...changed } };
}

/** Facts with the service's own ones replaced in part. */
export function withService(facts: Facts, changed: Partial<ServiceFacts>): Facts {
  const echo = facts.services.get('echo');
  if (echo === undefined) throw new Error('the service is part of the facts');
  return { ...facts, services: new Map([['echo', { ...echo, ...changed }]]) };
}

/** Facts of a pair with two urls in the config file. */
export function asPair(facts: Facts): Facts {
  const [device] = facts.config.devices;
  if (device === undefined) throw new Error('the device is part of the config');
  const urls = ['https://192.0.2.1', 'https://192.0.2.2'];
  return { ...facts, config: { ...facts.config, devices: [{ ...device, urls }] } };
}
