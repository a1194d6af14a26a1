import type { KubeObject } from '../kube/object.js';
import { needAll, valueOf } from './datum.js';
import type { ClusterFacts } from './facts.js';
import { labelsOf, nameOf, record, records, specOf, textAt, textsAt } from './fields.js';
import type { Fields } from './fields.js';

/** One istiod, as its Pod or its Deployment shows it. */
interface Istiod {
  readonly object: string;
  /** `default` where it has no other. */
  readonly revision: string;
  /** `1.30.3`, by the tag of its image. */
  readonly version: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/** Every istiod of the cluster; Deployments where those may be read, Pods in any case. @throws UnknownFact */
export function istiods(cluster: ClusterFacts): readonly Istiod[] {
  const isIstiod = (object: KubeObject): boolean => labelsOf(object)['app'] === 'istiod';
  const deployments = (valueOf(cluster.deployments) ?? []).filter(isIstiod);
  // One look at each: the Pods of a Deployment say the same again.
  const pods = deployments.length > 0 ? [] : needAll(cluster.pods).filter(isIstiod);
  return [
    ...deployments.map((object) => read(object, record(record(specOf(object)['template'])['spec']))),
    ...pods.map((object) => read(object, specOf(object))),
  ];
}

/** The command lines of istio-csr, one for each container of it that runs. @throws UnknownFact */
export function istioCsrCommands(cluster: ClusterFacts): ReadonlyArray<readonly string[]> {
  return needAll(cluster.pods).flatMap((pod) =>
    containers(specOf(pod))
      .filter((container) => /istio-csr/.test(textAt(container, 'image') ?? ''))
      .map((container) => [...textsAt(container, 'command'), ...textsAt(container, 'args')]),
  );
}

function read(object: KubeObject, podSpec: Fields): Istiod {
  const [container = {}] = containers(podSpec);
  const tag = /:v?(\d+\.\d+[^@-]*)/.exec(textAt(container, 'image') ?? '')?.[1];
  const env = records(container['env']).flatMap((entry): Array<[string, string]> => {
    const name = textAt(entry, 'name');
    return name === undefined ? [] : [[name, textAt(entry, 'value') ?? '']];
  });
  return {
    object: nameOf(object),
    revision: labelsOf(object)['istio.io/rev'] ?? 'default',
    version: tag,
    env: Object.fromEntries(env),
  };
}

function containers(podSpec: Fields): readonly Fields[] {
  return records(podSpec['containers']);
}
