import { Secret } from '../../secret.js';
import { parseCertificates } from '../certificate/certificate-facts.js';
import { checksum } from '../certificate/file-content.js';
import type { FileContent } from '../certificate/file-content.js';
import { parseKey } from '../certificate/key-facts.js';
import type { ManagementCertificate } from '../certificate/self-signed.js';
import type { Json } from '../json.js';
import { deviceTime } from '../resources/file-object.js';
import { defaultOptions } from '../resources/ssl-options.js';
import type { TmosVersion } from '../tmos-version.js';
import { Configuration } from './configuration.js';
import { folderName } from './change.js';
import { bareName, parseFullPath } from './object-name.js';
import type { ObjectName } from './object-name.js';

interface Factory {
  readonly tmos: TmosVersion;
  readonly hostname: string;
  /** The other unit, and the group that the two are in. */
  readonly pair?: { readonly peer: string; readonly deviceGroup: string; readonly autoSync: boolean };
  readonly isActive: boolean;
  readonly managementAddress: string;
  readonly now: Date;
  /** `/Common/default.crt` and `/Common/default.key`. */
  readonly defaultPair: ManagementCertificate;
}

/** What a device has before anybody configures it. */
export function factoryConfiguration(factory: Factory): Configuration {
  let configuration = Configuration.empty();
  const put = (
    kind: string,
    name: ObjectName,
    own: Readonly<Record<string, Json>> = {},
    more: { readonly content?: FileContent; readonly parent?: string } = {},
  ) => {
    configuration = configuration.with({ kind, name, generation: 1, own, secrets: {}, ...more });
  };
  put(
    'sys/folder',
    { name: '/', fullPath: '/' },
    { inheritedDevicegroup: 'false', inheritedTrafficGroup: 'false' },
  );
  put('sys/folder', folderName('/Common'));
  put('sys/folder', folderName('/Common/Drafts'));
  put('auth/partition', bareName('Common'), {
    defaultRouteDomain: 0,
    description: 'Repository for system objects and shared objects.',
  });
  put('net/route-domain', common('0'), { id: 0 });
  for (const [index, vlan] of ['external', 'internal'].entries())
    put('net/vlan', common(vlan), { tag: 4094 - index });
  put('cm/traffic-group', common('traffic-group-1'), { unitId: 1 });
  put('cm/traffic-group', common('traffic-group-local-only'), { isFloating: 'false', unitId: 0 });
  for (const module of modules)
    put('sys/provision', bareName(module), { level: module === 'ltm' ? 'nominal' : 'none' });
  for (const [name, value, valueRange] of dbVariables) {
    put('sys/db', bareName(name), { defaultValue: value, value, valueRange });
  }
  putDevice(put, factory);
  putDefaultPair(put, factory);
  put('ltm/profile/client-ssl', common('clientssl'), {
    tmOptions: defaultOptions(factory.tmos),
    certKeyChain: [
      {
        name: 'default',
        cert: '/Common/default.crt',
        chain: 'none',
        key: '/Common/default.key',
        usage: 'SERVER',
      },
    ],
  });
  put('ltm/profile/server-ssl', common('serverssl'), { tmOptions: defaultOptions(factory.tmos) });
  for (const [kind, name] of builtInObjects) put(kind, common(name));
  return configuration;
}

function common(name: string): ObjectName {
  return parseFullPath(`/Common/${name}`);
}

type Put = (
  kind: string,
  name: ObjectName,
  own?: Readonly<Record<string, Json>>,
  more?: { readonly content?: FileContent; readonly parent?: string },
) => void;

function putDevice(put: Put, { hostname, managementAddress, tmos, pair, isActive }: Factory): void {
  const hostnames = pair === undefined ? [hostname] : [hostname, pair.peer];
  for (const [index, name] of hostnames.entries()) {
    const isSelf = index === 0;
    put('cm/device', common(name), {
      baseMac: '00:50:56:00:00:01',
      build: tmos.build,
      chassisId: '00000000-0000-0000-000000000000',
      edition: tmos.edition,
      failoverState: isSelf === isActive ? 'active' : 'standby',
      hostname: name,
      managementIp: managementAddress,
      marketingName: 'BIG-IP Virtual Edition',
      platformId: 'Z100',
      product: 'BIG-IP',
      selfDevice: String(isSelf),
      version: tmos.version,
    });
  }
  const groups: ReadonlyArray<readonly [string, Readonly<Record<string, Json>>]> = [
    ['/Common/device_trust_group', { autoSync: 'enabled' }],
    ...(pair === undefined
      ? []
      : [
          [
            pair.deviceGroup,
            {
              autoSync: pair.autoSync ? 'enabled' : 'disabled',
              networkFailover: 'enabled',
              type: 'sync-failover',
            },
          ] as const,
        ]),
  ];
  for (const [path, own] of groups) {
    put('cm/device-group', parseFullPath(path), own);
    for (const name of hostnames) put('cm/device-group/devices', common(name), {}, { parent: path });
  }
}

function putDefaultPair(put: Put, { defaultPair, now }: Factory): void {
  const time = deviceTime(now);
  const audit = { createTime: time, createdBy: 'root', lastUpdateTime: time, updatedBy: 'root', revision: 1 };
  const certificates = parseCertificates(defaultPair.pem) ?? [];
  const certificate = Buffer.from(defaultPair.pem);
  put(
    'sys/file/ssl-cert',
    parseFullPath('/Common/default.crt'),
    {
      ...audit,
      checksum: checksum(certificate),
      size: certificate.length,
      mode: 33_188,
      systemPath: '/config/ssl/ssl.crt/default.crt',
    },
    { content: { type: 'certificate', pem: defaultPair.pem, certificates } },
  );
  const key = parseKey(defaultPair.keyPem);
  if (key === undefined) throw new Error('the default key does not parse');
  const keyFile = Buffer.from(defaultPair.keyPem.reveal());
  put(
    'sys/file/ssl-key',
    parseFullPath('/Common/default.key'),
    {
      ...audit,
      checksum: checksum(keyFile),
      size: keyFile.length,
      mode: 33_184,
      systemPath: '/config/ssl/ssl.key/default.key',
    },
    { content: { type: 'key', pem: new Secret(defaultPair.keyPem.reveal()), key } },
  );
}

const modules = [
  'afm',
  'am',
  'apm',
  'asm',
  'avr',
  'dos',
  'fps',
  'gtm',
  'ilx',
  'lc',
  'ltm',
  'pem',
  'sslo',
  'swg',
  'urldb',
];

const dbVariables: ReadonlyArray<readonly [string, string, string]> = [
  ['httpd.basic_auth', 'enable', 'disable enable'],
  ['icrd.timeout', '60', 'integer min:1 max:600'],
  ['provision.extramb', '0', 'integer min:0 max:8192'],
  ['restjavad.timeout', '60', 'integer min:1 max:600'],
  ['restjavad.useextramb', 'false', 'false true'],
  ['restnoded.timeout', '60', 'integer min:30 max:600'],
];

const builtInObjects: ReadonlyArray<readonly [string, string]> = [
  ['ltm/profile/tcp', 'tcp'],
  ['ltm/profile/udp', 'udp'],
  ['ltm/profile/fastl4', 'fastL4'],
  ['ltm/profile/fasthttp', 'fasthttp'],
  ['ltm/profile/http', 'http'],
  ['ltm/profile/one-connect', 'oneconnect'],
  ['ltm/profile/statistics', 'stats'],
  ['ltm/monitor/tcp', 'tcp'],
  ['ltm/monitor/http', 'http'],
  ['ltm/monitor/https', 'https'],
  ['ltm/monitor/icmp', 'icmp'],
  ['ltm/monitor/gateway-icmp', 'gateway_icmp'],
  ['ltm/monitor/tcp-half-open', 'tcp_half_open'],
  ['ltm/monitor/udp', 'udp'],
  ['sys/log-config/destination/local-database', 'local-db'],
  ['sys/log-config/destination/local-syslog', 'local-syslog'],
];
