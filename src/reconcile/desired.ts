import { isIPv6 } from 'node:net';
import type { ServiceConfig } from '../config/schema.js';
import { renderDestination } from '../icontrol/destination.js';
import { nodeObject } from './certain-nodes.js';
import { clientSslMembers } from './client-ssl-profile.js';
import { countersProfile } from './counters-profile.js';
import type { DesiredObject, FileContent } from './device-object.js';
import type { DataGroupRecord } from '../icontrol/data-group-records.js';
import { ruleName, serviceNames } from './names.js';
import { ownerMark } from './ownership.js';
import { rootRecordObject } from './root-rotation/root-record.js';
import type { RootRecord } from './root-rotation/root-record.js';
import { revocationFileObject } from './revocation/revocation-file.js';
import type { RevocationFile } from './revocation/revocation-file.js';

/** A certificate and its key, either new or already on the device. */
export interface DesiredPair {
  readonly certName: string;
  readonly keyName: string;
  readonly cert: FileContent | 'kept';
  readonly key: FileContent | 'kept';
  /** PEM of the intermediates, leaf's issuer first; the name of the file on the device for a kept pair. */
  readonly chain: { readonly name: string; readonly file: FileContent | 'kept' } | undefined;
  /** What the ledger says of the certificate. */
  readonly facts: Readonly<Record<string, string>>;
}

/** A pair that is on the device, told by its names alone: no key stays in memory. */
export function keptPair(pair: DesiredPair): DesiredPair {
  const chain = pair.chain && { name: pair.chain.name, file: 'kept' as const };
  return { ...pair, cert: 'kept', key: 'kept', chain };
}

export interface DesiredService {
  readonly config: ServiceConfig;
  readonly pair: DesiredPair;
  readonly records: {
    readonly allow: readonly DataGroupRecord[];
    readonly deny: readonly DataGroupRecord[];
    readonly settings: readonly DataGroupRecord[];
  };
}

export interface DesiredDevice {
  readonly partition: string;
  readonly tmosVersion: string;
  readonly ruleText: string;
  readonly trustBundle: { readonly name: string; readonly file: FileContent };
  /** Absent while the mesh publishes no CRL. */
  readonly revocationLists?: RevocationFile | undefined;
  /** What the device is to remember of the roots in its bundle. */
  readonly roots: readonly RootRecord[];
  readonly services: readonly DesiredService[];
}

/** Every object that the device should hold. Pure; the order is that of the config file. */
export function desiredObjects(device: DesiredDevice): DesiredObject[] {
  const objects = [
    fileObject('sys/file/ssl-cert', device.trustBundle.name, device.trustBundle.file),
    ...(device.revocationLists === undefined ? [] : [revocationFileObject(device.revocationLists)]),
    ruleObject(device.ruleText),
    ...device.roots.map(rootRecordObject),
    ...device.services.flatMap((service) => serviceObjects(device, service)),
  ];
  return [...new Map(objects.map((object) => [`${object.kind} ${object.name}`, object])).values()];
}

/** The data groups that say who may call a service. */
export function allowlistObjects({
  config,
  records,
}: Pick<DesiredService, 'config' | 'records'>): DesiredObject[] {
  const names = serviceNames(config.name);
  const description = ownerMark(config.name);
  const dataGroup = (name: string, content: readonly DataGroupRecord[]): DesiredObject => ({
    kind: 'ltm/data-group/internal',
    name,
    members: { description, type: 'string', records: content },
  });
  return [
    dataGroup(names.allow, records.allow),
    dataGroup(names.deny, records.deny),
    dataGroup(names.settings, records.settings),
  ];
}

function serviceObjects(device: DesiredDevice, { config, pair, records }: DesiredService): DesiredObject[] {
  const names = serviceNames(config.name);
  const description = ownerMark(config.name);
  const at = (name: string): string => `/${device.partition}/${name}`;
  return [
    fileObject('sys/file/ssl-key', pair.keyName, pair.key, config.name),
    fileObject('sys/file/ssl-cert', pair.certName, pair.cert, config.name, pair.facts),
    ...(pair.chain === undefined ? [] : [fileObject('sys/file/ssl-cert', pair.chain.name, pair.chain.file)]),
    {
      kind: 'ltm/profile/client-ssl',
      name: names.clientSsl,
      members: {
        description,
        ...clientSslMembers(
          {
            cert: at(pair.certName),
            key: at(pair.keyName),
            chain: pair.chain === undefined ? undefined : at(pair.chain.name),
            trustBundle: at(device.trustBundle.name),
            revocationLists: device.revocationLists && at(device.revocationLists.name),
          },
          device.tmosVersion,
        ),
      },
    },
    countersProfile(config.name),
    ...allowlistObjects({ config, records }),
    ...config.backends.map(({ address }) => nodeObject(address)),
    {
      kind: 'ltm/pool',
      name: names.pool,
      members: {
        description,
        monitor: '/Common/tcp',
        members: config.backends.map((backend) => ({
          name: renderDestination(backend),
          address: backend.address,
        })),
      },
    },
    {
      kind: 'ltm/virtual',
      name: names.virtual,
      members: {
        description,
        destination: renderDestination({ folder: `/${device.partition}`, ...config.listen }),
        mask: isIPv6(config.listen.address) ? 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' : '255.255.255.255',
        ipProtocol: 'tcp',
        enabled: true,
        sourceAddressTranslation: { type: 'automap' },
        pool: at(names.pool),
        profiles: [
          { name: '/Common/tcp', context: 'all' },
          { name: at(names.clientSsl), context: 'clientside' },
          { name: at(names.counters), context: 'all' },
        ],
        rules: [at(ruleName)],
      },
    },
  ];
}

function ruleObject(text: string): DesiredObject {
  return {
    kind: 'ltm/rule',
    name: ruleName,
    members: { apiAnonymous: `# ${ownerMark()}\n${text}` },
  };
}

function fileObject(
  kind: 'sys/file/ssl-cert' | 'sys/file/ssl-key',
  name: string,
  file: FileContent | 'kept',
  service?: string,
  facts?: Readonly<Record<string, string>>,
): DesiredObject {
  return {
    kind,
    name,
    members: { description: ownerMark(service) },
    file,
    ...(facts === undefined ? {} : { facts }),
  };
}
