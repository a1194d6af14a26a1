import { strict as assert } from 'node:assert';
import type { KubeObject } from '../../../src/kube/object.js';
import { known } from '../../../src/vet/datum.js';
import type { Datum } from '../../../src/vet/datum.js';
import { listedKinds } from '../../../src/vet/facts.js';
import type { ClusterFacts, DeviceFacts, Facts, Members } from '../../../src/vet/facts.js';
import { kinds } from '../../../src/kube/kinds.js';
import { vetKinds } from '../../../src/vet/read/vet-kinds.js';
import { checks } from '../../../src/vet/registry.js';
import { runChecks } from '../../../src/vet/run-checks.js';
import { healthyFacts, withCluster, withDevice } from './healthy-facts.js';
import { object } from './healthy-mesh.js';

type Path = ReadonlyArray<string | number>;

/** What nobody expects to find in a field. */
const odd = [null, 42, '', 'text', true, [], {}, [null], [42], [{}], { a: null }] as const;

/** Every place below a value. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, inner]) =>
    pathsOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return path.length === 0 ? below : [path, ...below];
}

function withOdd(value: unknown, [step, ...rest]: Path, replacement: unknown): unknown {
  if (step === undefined) return replacement;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >;
  copy[step] = withOdd(copy[step], rest, replacement);
  return copy;
}

describe('the checks of vet, with objects that nobody would write', function () {
  this.timeout(10_000);
  let healthy: Facts;
  before(async () => {
    const host = 'bigip.default.svc.cluster.local';
    const metadata = { namespace: 'default' };
    const facts = await healthyFacts();
    const put = (...objects: readonly KubeObject[]) => known(objects);
    // One of each kind that a healthy set-up does without.
    healthy = withCluster(facts, {
      serviceEntries: put(
        object(kinds.serviceEntry, 'se', {
          metadata,
          spec: {
            hosts: [host],
            location: 'MESH_INTERNAL',
            resolution: 'STATIC',
            ports: [{ number: 9000, name: 'tcp', protocol: 'TCP' }],
            endpoints: [
              { address: '192.0.2.10', serviceAccount: 'bigip', labels: { a: 'b' }, ports: { tcp: 1 } },
            ],
            exportTo: ['*'],
          },
          status: { addresses: [{ value: '240.240.0.1' }] },
        }),
      ),
      destinationRules: put(
        object(kinds.destinationRule, 'dr', {
          metadata,
          spec: {
            host,
            exportTo: ['*'],
            subsets: [{ name: 'v1', trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } }],
            trafficPolicy: {
              tls: { mode: 'ISTIO_MUTUAL', subjectAltNames: ['spiffe://cluster.local/ns/default/sa/bigip'] },
              portLevelSettings: [{ port: { number: 9000 }, tls: { mode: 'ISTIO_MUTUAL' } }],
            },
          },
        }),
      ),
      sidecars: put(
        object(vetKinds.sidecars, 'sc', {
          metadata: { namespace: 'trusted' },
          spec: { workloadSelector: { labels: { app: 'sleep' } }, egress: [{ hosts: ['*/*'] }] },
        }),
      ),
      peerAuthentications: put(
        object(kinds.peerAuthentication, 'pa', {
          metadata,
          spec: {
            selector: { matchLabels: { a: 'b' } },
            mtls: { mode: 'STRICT' },
            portLevelMtls: { 9000: { mode: 'STRICT' } },
          },
        }),
      ),
      authorizationPolicies: put(
        object(kinds.authorizationPolicy, 'ap', {
          metadata,
          spec: { targetRefs: [{ kind: 'Service', name: 'web' }], selector: { matchLabels: { a: 'b' } } },
        }),
      ),
      endpointSlices: put(
        object(vetKinds.endpointSlices, 'es', {
          metadata: { namespace: 'default', labels: { 'kubernetes.io/service-name': 'bigip' } },
          addressType: 'IPv4',
          ports: [{ name: 'tcp', port: 9000 }],
          endpoints: [{ addresses: ['192.0.2.10'], conditions: { ready: true } }],
        }),
      ),
      endpoints: put(
        object(vetKinds.endpoints, 'bigip', { metadata, subsets: [{ addresses: [{ ip: '192.0.2.10' }] }] }),
      ),
    });
  });

  const faulty = (facts: Facts): string[] =>
    runChecks(checks, facts).unknown.flatMap(({ code, gap }) =>
      gap.reason.startsWith('the check itself failed') ? [`${code}: ${gap.reason}`] : [],
    );

  it('fail in none of them without anything odd', () => assert.deepEqual(faulty(healthy), []));

  for (const kind of listedKinds) {
    it(`do not fail over ${kind}`, () => {
      const datum: Datum<readonly KubeObject[]> = healthy.cluster[kind];
      const objects = datum.state === 'known' ? datum.value : [];
      let turn = 0;
      for (const [index, found] of objects.entries()) {
        // The API server vouches for the metadata alone.
        for (const path of pathsOf(found).filter(([first]) => first !== 'metadata')) {
          const strange = withOdd(found, path, odd[(turn += 1) % odd.length]) as KubeObject;
          const changed = { [kind]: known(objects.with(index, strange)) } as Partial<ClusterFacts>;
          assert.deepEqual(faulty(withCluster(healthy, changed)), [], `${path.join('.')} of ${kind}`);
        }
      }
    });
  }

  for (const list of ['virtuals', 'clientSslProfiles', 'dataGroups', 'certificates'] as const) {
    it(`do not fail over ${list} of the device`, () => {
      const datum: Datum<readonly Members[]> = healthy.devices.get('edge')?.[list] ?? known([]);
      const objects = datum.state === 'known' ? datum.value : [];
      let turn = 0;
      for (const [index, found] of objects.entries()) {
        for (const path of pathsOf(found)) {
          const strange = withOdd(found, path, odd[(turn += 1) % odd.length]) as Members;
          const changed = { [list]: known(objects.with(index, strange)) } as Partial<DeviceFacts>;
          assert.deepEqual(faulty(withDevice(healthy, changed)), [], `${path.join('.')} of ${list}`);
        }
      }
    });
  }
});
