import { isLive, serviceAccountOf } from '../callers.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { need, needAll, UnknownFact } from '../datum.js';
import type { AgentRight, Facts } from '../facts.js';
import { nameOf, namespaceOf } from '../fields.js';
import { istioCsrCommands, istiods } from '../istiod.js';
import { parseGoDuration } from '../go-duration.js';

/** istiod's MAX_WORKLOAD_CERT_TTL, and istio-csr's --max-client-certificate-duration. */
const istiodDefaultMs = 2160 * 3_600_000;
const istioCsrDefaultMs = 3_600_000;

/** What the agent itself needs. */
export const agentChecks: readonly Check[] = [
  {
    code: 'BMV043',
    title: 'longer lifetime asked for than the CA gives',
    about: 'mesh',
    level: 'warning',
    why: 'istiod refuses such a request as a whole; istio-csr cuts the lifetime silently, so that the certificate has to be renewed far more often than planned.',
    mend: "Set identity.ttl to the CA's maximum at most.",
    look: lookAtTtl,
  },
  {
    code: 'BMV044',
    title: 'permission that the agent lacks',
    about: 'mesh',
    level: 'error',
    why: 'The agent cannot get a certificate, register the service or say that it is healthy.',
    mend: 'Grant it; bigip-mesh render prints all permissions of the agent for this config file.',
    look: lookAtRights,
  },
  {
    code: 'BMV051',
    title: 'service account of the device that is missing or shared',
    about: 'service',
    level: 'error',
    why: "Without the account the agent gets no token for it; and every Pod that runs as it holds the device's identity and can pass itself off as the device.",
    mend: 'Create the ServiceAccount, and give Pods an account of their own.',
    look: lookAtAccount,
  },
  {
    code: 'BMV052',
    title: 'wrong cluster name for the CA',
    about: 'mesh',
    level: 'error',
    why: 'The CA looks tokens up in the cluster of that name; a name that it does not know is refused as unauthenticated.',
    mend: "Take identity.istiod.clusterId out of the config file, or set it to the cluster's name in the mesh.",
    look: ({ config, cluster }) => {
      const given = config.identity.istiod?.clusterId;
      if (config.identity.source !== 'istiod' || given === undefined) return [];
      const name = need(cluster.clusterName);
      if (name === undefined)
        throw new UnknownFact({ reason: 'the ConfigMap istio-sidecar-injector does not exist' });
      return name === given
        ? []
        : [
            {
              object: 'config file identity.istiod.clusterId',
              seen: `it is "${given}", the mesh calls this cluster "${name}"`,
            },
          ];
    },
  },
];

function lookAtTtl({ config, cluster }: Facts): readonly Sighting[] {
  if (config.identity.source !== 'istiod') return [];
  const asked = config.identity.ttl;
  const csr = istioCsrCommands(cluster);
  const limits =
    csr.length > 0
      ? csr.map((command) => ({
          object: 'istio-csr',
          ms: parseGoDuration(argument(command, '--max-client-certificate-duration')) ?? istioCsrDefaultMs,
        }))
      : istiods(cluster).map(({ object, env }) => ({
          object,
          ms: parseGoDuration(env['MAX_WORKLOAD_CERT_TTL']) ?? istiodDefaultMs,
        }));
  return limits
    .filter(({ ms }) => asked > ms)
    .map(({ object, ms }) => ({
      object,
      seen: `it gives ${hours(ms)} at most, identity.ttl is ${hours(asked)}`,
    }));
}

function argument(args: readonly string[], name: string): string | undefined {
  const joined = args.find((arg) => arg.startsWith(`${name}=`));
  return joined === undefined ? args[args.indexOf(name) + 1 || args.length] : joined.slice(name.length + 1);
}

function hours(ms: number): string {
  return `${Math.round(ms / 36_000) / 100} h`;
}

/** Whoever may change something is taken for the agent; a user who may read alone says nothing about it. */
function lookAtRights({ cluster }: Facts): readonly Sighting[] {
  const rights = needAll(cluster.agentRights);
  const denied = rights.filter(({ allowed }) => !allowed);
  if (denied.length === 0) return [];
  const mayWrite = rights.some(({ verb, allowed }) => isWrite(verb) && allowed);
  if (!mayWrite) {
    throw new UnknownFact({
      reason: 'the user that runs vet may read alone, which says nothing about the agent',
      needs: "run vet with the kubeconfig of the agent's own account",
    });
  }
  const namespaces = [...new Set(denied.map(({ namespace }) => namespace))];
  return namespaces.map((namespace) => ({
    object: `namespace ${namespace}`,
    seen: `the user that runs vet may not ${denied
      .filter((right) => right.namespace === namespace)
      .map(describeRight)
      .join(', ')}`,
  }));
}

function isWrite(verb: string): boolean {
  return ['create', 'update', 'patch', 'delete'].includes(verb);
}

function describeRight({ verb, group, resource, name }: AgentRight): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`;
}

function lookAtAccount({ view, facts, config }: ServiceScope): readonly Sighting[] {
  const { namespace, serviceAccount } = config.identity;
  const inMesh = view.endpoints.flatMap((endpoint) =>
    endpoint.serviceAccount === undefined ? [] : [`${endpoint.namespace}/${endpoint.serviceAccount}`],
  );
  const isExpected = view.isRegistered || config.registration !== 'none';
  const accounts = new Set([...inMesh, ...(isExpected ? [`${namespace}/${serviceAccount}`] : [])]);
  const existing = new Set(
    needAll(facts.cluster.serviceAccounts).map(
      (account) => `${namespaceOf(account)}/${account.metadata.name}`,
    ),
  );
  return [...accounts].flatMap((account): Sighting[] => {
    const object = `ServiceAccount ${account}`;
    if (!existing.has(account)) return [{ object, seen: 'it does not exist' }];
    const pods = needAll(facts.cluster.pods).filter(
      (pod) => isLive(pod) && `${namespaceOf(pod)}/${serviceAccountOf(pod)}` === account,
    );
    return pods.length === 0
      ? []
      : [{ object, seen: `${pods.map(nameOf).join(', ')} runs as it`, level: 'warning' }];
  });
}
