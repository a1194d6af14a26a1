import type { Configuration } from '../config/configuration.js';
import { parseFullPath } from '../config/object-name.js';
import { isJsonObject, textOf } from '../json.js';
import type { Json } from '../json.js';
import { linkTo } from './link.js';
import type { ResourceKind } from './resource-kind.js';
import { defaulted, member } from './resource-kind.js';
import { oneOf, qualify, reference, text } from './value-type.js';
import type { ValueType } from './value-type.js';

const highSpeedPath = 'sys/log-config/destination/remote-high-speed-log';
const syslogPath = 'sys/log-config/destination/remote-syslog';
const localSyslogPath = 'sys/log-config/destination/local-syslog';
const localDatabasePath = 'sys/log-config/destination/local-database';
const destinationKinds = [highSpeedPath, syslogPath, localSyslogPath, localDatabasePath];

const highSpeed: ResourceKind = {
  path: highSpeedPath,
  title: 'remote-high-speed-log',
  mcpdName: 'log_destination',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    member('description', text),
    defaulted('distribution', oneOf('adaptive', 'balanced', 'replicated'), 'adaptive'),
    member('poolName', reference('ltm/pool')),
    defaulted('protocol', oneOf('tcp', 'udp'), 'tcp'),
  ],
};

/** It formats what the device itself logs, and hands it to the destination behind it. */
const syslog: ResourceKind = {
  path: syslogPath,
  title: 'remote-syslog',
  mcpdName: 'log_destination',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    defaulted('defaultFacility', text, 'local0'),
    defaulted('defaultSeverity', text, 'info'),
    member('description', text),
    defaulted('format', oneOf('legacy-bigip', 'rfc3164', 'rfc5424'), 'rfc3164'),
    member('remoteHighSpeedLog', reference(highSpeedPath)),
  ],
};

const local = (path: string): ResourceKind => ({
  path,
  title: path.slice(path.lastIndexOf('/') + 1),
  naming: 'partitioned',
  operations: [],
  members: [],
});

/** Names of destinations, or objects with name and partition; kept as full paths. */
const destinations: ValueType = {
  accept(value, context) {
    if (!Array.isArray(value)) return undefined;
    return value.map((item: Json) => {
      const { name, partition } = isJsonObject(item) ? item : { name: item };
      const path = typeof partition === 'string' ? `/${partition}/${textOf(name)}` : textOf(name);
      return qualify(path, destinationKinds, context);
    });
  },
  references: (value) =>
    Array.isArray(value)
      ? value.map((path: Json) => ({ kinds: destinationKinds, fullPath: textOf(path) }))
      : [],
};

const publisher: ResourceKind = {
  path: 'sys/log-config/publisher',
  title: 'log publisher',
  mcpdName: 'log_publisher',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    member('description', text),
    member('destinations', destinations, {
      derive: (object, { configuration, tmos }) => {
        const paths = pathsOf(object.own['destinations']);
        if (paths.length === 0) return undefined;
        return paths.map((path) => {
          const { name, partition = 'Common' } = parseFullPath(path);
          const kind = destinationKinds.find((candidate) => configuration.get(candidate, path) !== undefined);
          return { name, partition, nameReference: { link: linkTo(kind ?? highSpeedPath, path, tmos) } };
        });
      },
    }),
  ],
};

export const logConfig: readonly ResourceKind[] = [
  highSpeed,
  syslog,
  local(localSyslogPath),
  local(localDatabasePath),
  publisher,
];

/** Where what is sent to each publisher ends up, as far as pools take it. */
export function logPublishers(configuration: Configuration): ReadonlyArray<{
  readonly fullPath: string;
  readonly destinations: ReadonlyArray<{ readonly protocol: 'TCP' | 'UDP'; readonly pool: string }>;
}> {
  return configuration.list(publisher.path).map((object) => ({
    fullPath: object.name.fullPath,
    destinations: pathsOf(object.own['destinations']).flatMap((path) => {
      const behind = configuration.get(syslogPath, path)?.own['remoteHighSpeedLog'];
      const destination = configuration.get(highSpeedPath, behind === undefined ? path : textOf(behind));
      const pool = destination?.own['poolName'];
      if (pool === undefined) return [];
      return [{ protocol: destination?.own['protocol'] === 'udp' ? 'UDP' : 'TCP', pool: textOf(pool) }];
    }),
  }));
}

function pathsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
