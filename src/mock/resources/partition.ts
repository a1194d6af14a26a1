import type { ConfigObject, Configuration } from '../config/configuration.js';
import { bareName } from '../config/object-name.js';
import { mcpdRefusal } from '../config/refusal.js';
import type { ResourceKind } from './resource-kind.js';
import { defaulted, member, readOnly } from './resource-kind.js';
import { integer, oneOf, reference, text, trueFalse } from './value-type.js';

/** `auth/partition`: an administrative partition; its folder comes and goes with it. */
export const partition: ResourceKind = {
  path: 'auth/partition',
  title: 'Partition',
  mcpdName: 'auth_partition',
  naming: 'bare',
  operations: ['create', 'modify', 'delete'],
  members: [defaulted('defaultRouteDomain', integer(0, 65_534), 0), member('description', text)],
  follow: (configuration, { before, after }) => {
    if (before === undefined && after !== undefined) return withFolder(configuration, after);
    if (before === undefined || after !== undefined) return configuration;
    return withoutFolder(configuration, before.name.name);
  },
};

/** `sys/folder`: where objects live; `/` holds the partitions' folders. */
export const folder: ResourceKind = {
  path: 'sys/folder',
  title: 'folder',
  mcpdName: 'folder',
  naming: 'folder',
  operations: ['create', 'modify', 'delete'],
  members: [
    member('description', text),
    defaulted('deviceGroup', text, 'none'),
    defaulted('hidden', trueFalse, 'false'),
    defaulted('inheritedDevicegroup', trueFalse, 'true'),
    defaulted('inheritedTrafficGroup', trueFalse, 'true'),
    defaulted('noRefCheck', trueFalse, 'false'),
    defaulted('trafficGroup', reference('cm/traffic-group'), '/Common/traffic-group-1'),
  ],
  follow: (configuration, { before, after }) => {
    if (before !== undefined && after === undefined) refuseContents(configuration, before.name.fullPath);
    return configuration;
  },
};

/** `net/route-domain`: only the default one, 0. */
export const routeDomain: ResourceKind = {
  path: 'net/route-domain',
  title: 'route domain',
  naming: 'partitioned',
  operations: [],
  members: [
    defaulted('connectionLimit', integer(), 0),
    readOnly('id', integer()),
    defaulted('strict', oneOf('enabled', 'disabled'), 'enabled'),
    defaulted('throughputCapacity', text, 'infinite'),
  ],
};

/** Full paths of everything that lives in a folder, at any depth. */
function contentsOf(configuration: Configuration, folderPath: string): readonly ConfigObject[] {
  return configuration
    .kinds()
    .flatMap((kind) => configuration.list(kind))
    .filter((object) => object.parent === undefined && object.name.fullPath.startsWith(`${folderPath}/`));
}

function withFolder(configuration: Configuration, object: ConfigObject): Configuration {
  const name = object.name.name;
  return configuration.with({
    kind: 'sys/folder',
    name: { name, subPath: '/', fullPath: `/${name}` },
    generation: object.generation,
    own: {},
    secrets: {},
  });
}

function withoutFolder(configuration: Configuration, name: string): Configuration {
  refuseContents(configuration, `/${name}`);
  const own = configuration.get('sys/folder', `/${name}`);
  return own === undefined ? configuration : configuration.without(own);
}

function refuseContents(configuration: Configuration, folderPath: string): void {
  if (contentsOf(configuration, folderPath).length === 0) return;
  throw mcpdRefusal(
    '0107082a',
    `You must remove all objects from a partition before removing the partition ` +
      `(${bareName(folderPath.slice(1)).name}), type ID (4032)`,
  );
}
