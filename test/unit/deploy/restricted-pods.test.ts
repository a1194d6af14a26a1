import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { repositoryRoot } from '../../support/shared-data.js';

interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly privileged?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext?: SecurityContext;
  readonly containers: ReadonlyArray<{
    readonly name: string;
    readonly securityContext?: SecurityContext;
    readonly ports?: ReadonlyArray<{ readonly hostPort?: number }>;
    readonly resources?: { readonly limits?: { readonly memory?: string } };
  }>;
  readonly volumes?: readonly object[];
}

/** Of the restricted profile (Kubernetes, Pod Security Standards). */
const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** What the restricted profile forbids in a pod. */
function violations({ hostNetwork, hostPID, hostIPC, securityContext = {}, ...pod }: PodSpec): string[] {
  const found = Object.entries({ hostNetwork, hostPID, hostIPC }).flatMap(([name, is]) =>
    is === true ? [name] : [],
  );
  for (const volume of pod.volumes ?? []) {
    for (const kind of Object.keys(volume)) {
      if (kind !== 'name' && !allowedVolumes.includes(kind)) found.push(`volume ${kind}`);
    }
  }
  for (const { name, securityContext: own = {}, ports = [] } of pod.containers) {
    const merged = { ...securityContext, ...own };
    if (merged.runAsNonRoot !== true || merged.runAsUser === 0) found.push(`${name} may run as root`);
    if (merged.allowPrivilegeEscalation !== false) found.push(`${name} may gain privileges`);
    if (merged.privileged === true) found.push(`${name} is privileged`);
    if (merged.capabilities?.drop?.includes('ALL') !== true) found.push(`${name} keeps capabilities`);
    if ((merged.capabilities?.add ?? []).some((one) => one !== 'NET_BIND_SERVICE'))
      found.push(`${name} adds some`);
    if (!['RuntimeDefault', 'Localhost'].includes(merged.seccompProfile?.type ?? ''))
      found.push(`${name}: seccomp`);
    if (ports.some(({ hostPort }) => hostPort !== undefined)) found.push(`${name} takes a port of the host`);
  }
  return found;
}

describe('the pods of deploy/manifests', () => {
  for (const file of ['bigip-mesh-agent.yaml', 'apply-job.yaml']) {
    const text = readFileSync(join(repositoryRoot, 'deploy/manifests', file), 'utf8');
    const pods = parseAllDocuments(text).flatMap((document) => {
      const object = document.toJS() as { spec?: { template?: { spec?: PodSpec } } } | null;
      const spec = object?.spec?.template?.spec;
      return spec === undefined ? [] : [spec];
    });

    it(`satisfy the restricted profile, on a read-only file system with a limit of memory: ${file}`, () => {
      assert.equal(pods.length, 1);
      for (const pod of pods) {
        assert.deepEqual(violations(pod), []);
        for (const { securityContext, resources } of pod.containers) {
          assert.equal(securityContext?.readOnlyRootFilesystem, true);
          assert.notEqual(resources?.limits?.memory, undefined);
        }
      }
    });

    it(`would not, with a single setting less: ${file}`, () => {
      const [pod] = pods;
      const [container] = pod?.containers ?? [];
      assert.ok(pod !== undefined && container !== undefined);
      for (const key of ['allowPrivilegeEscalation', 'capabilities'] as const) {
        const { [key]: _left, ...less } = container.securityContext ?? {};
        assert.equal(violations({ ...pod, containers: [{ ...container, securityContext: less }] }).length, 1);
      }
      assert.equal(violations({ ...pod, securityContext: {} }).length, 2);
      assert.equal(violations({ ...pod, volumes: [{ name: 'host', hostPath: {} }] }).length, 1);
    });
  }
});
