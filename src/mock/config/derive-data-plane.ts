import type {
  CertKeyChain,
  ClientSslConfiguration,
  DataGroupConfiguration,
  DataPlaneConfiguration,
  PoolConfiguration,
  VirtualServerConfiguration,
} from '../data-plane/configuration.js';
import { textOf } from '../json.js';
import type { Json, JsonObject } from '../json.js';
import { parsePort, withoutRouteDomain } from '../resources/address.js';
import { certKeyChainOf } from '../resources/client-ssl.js';
import { recordsOf } from '../resources/data-group-records.js';
import { logPublishers } from '../resources/log-config.js';
import type { Health, View } from '../resources/resource-kind.js';
import type { ResourceTable } from '../resources/resource-table.js';
import { fieldsOf } from '../resources/statistics-profile.js';
import { endpointOf } from '../resources/virtual.js';
import type { TmosVersion } from '../tmos-version.js';
import type { ConfigObject, Configuration } from './configuration.js';
import { viewOf } from './effective.js';

/** What the running configuration means for traffic, resolved to plain values. */
export function deriveDataPlane(
  configuration: Configuration,
  table: ResourceTable,
  tmos: TmosVersion,
  health?: Health,
): DataPlaneConfiguration {
  const view = viewOf(configuration, table, tmos, health);
  const publishers = logPublishers(configuration);
  const pools = configuration.list('ltm/pool').map((pool) => poolOf(pool, view));
  return {
    virtualServers: configuration.list('ltm/virtual').map((virtual) => virtualServer(virtual, view)),
    ...(pools.length === 0 ? {} : { pools }),
    ...(publishers.length === 0 ? {} : { logPublishers: publishers }),
    dataGroups: [
      ...configuration.list('ltm/data-group/internal').map(internalDataGroup),
      ...configuration.list('ltm/data-group/external').map((object) => externalDataGroup(object, view)),
    ],
    statisticsProfiles: configuration
      .list('ltm/profile/statistics')
      .map((profile) => ({ fullPath: profile.name.fullPath, fields: fieldsOf(profile, view) }))
      .filter(({ fields }) => fields.length > 0),
  };
}

function virtualServer(virtual: ConfigObject, view: View): VirtualServerConfiguration {
  const { configuration } = view;
  const endpoint = endpointOf(virtual);
  const clientSsl = clientSslOf(virtual, view);
  const pool = configuration.get('ltm/pool', textOf(virtual.own['pool']));
  return {
    fullPath: virtual.name.fullPath,
    enabled: virtual.own['disabled'] !== true,
    address: withoutRouteDomain(endpoint.address),
    port: endpoint.port,
    ...(clientSsl === undefined ? {} : { clientSsl }),
    rules: pathsOf(virtual.own['rules']).flatMap((path) => {
      const rule = configuration.get('ltm/rule', path);
      return rule === undefined ? [] : [{ fullPath: path, text: textOf(rule.own['apiAnonymous'] ?? '') }];
    }),
    ...(pool === undefined ? {} : { pool: poolOf(pool, view) }),
    statisticsProfiles: configuration
      .children('ltm/virtual/profiles', virtual.name.fullPath)
      .map(({ name }) => name.fullPath)
      .filter((path) => configuration.get('ltm/profile/statistics', path) !== undefined),
  };
}

/** The one client SSL profile that traffic without a server name meets. */
function clientSslOf(virtual: ConfigObject, view: View): ClientSslConfiguration | undefined {
  const profiles = view.configuration
    .children('ltm/virtual/profiles', virtual.name.fullPath)
    .map((child) => view.configuration.get('ltm/profile/client-ssl', child.name.fullPath))
    .filter((profile) => profile !== undefined);
  const profile =
    profiles.find((candidate) => view.effective(candidate, 'sniDefault') === 'true') ?? profiles[0];
  return profile === undefined || view.effective(profile, 'mode') === 'disabled'
    ? undefined
    : renderClientSsl(profile, view);
}

function renderClientSsl(profile: ConfigObject, view: View): ClientSslConfiguration {
  const text = (name: string) => textOf(view.effective(profile, name));
  const caPem = certificatePem(text('caFile'), view);
  const clientCertCaPem = certificatePem(text('clientCertCa'), view);
  const peerCertMode = text('peerCertMode');
  const crl = view.configuration.get('sys/file/ssl-crl', text('crlFile'))?.content;
  return {
    fullPath: profile.name.fullPath,
    certKeyChain: certKeyChainOf(profile, view).flatMap((entry) => certKeyChain(profile, entry, view)),
    ...(caPem === undefined ? {} : { caPem }),
    ...(clientCertCaPem === undefined ? {} : { clientCertCaPem }),
    ...(crl?.type === 'crl'
      ? { crlPem: crl.pem, allowExpiredCrl: text('allowExpiredCrl') === 'enabled' }
      : {}),
    peerCertMode: peerCertMode === 'require' || peerCertMode === 'request' ? peerCertMode : 'ignore',
    authenticate: text('authenticate') === 'always' ? 'always' : 'once',
    authenticateDepth: Number(view.effective(profile, 'authenticateDepth')),
    retainCertificate: text('retainCertificate') === 'true',
    cacheSize: Number(view.effective(profile, 'cacheSize')),
    cacheTimeoutSeconds: Number(view.effective(profile, 'cacheTimeout')),
    sessionTicket: text('sessionTicket') === 'enabled',
    renegotiation: text('renegotiation') === 'enabled',
    allowNonSsl: text('allowNonSsl') === 'enabled',
    options: pathsOf(view.effective(profile, 'tmOptions')),
    handshakeTimeoutSeconds: secondsOf(text('handshakeTimeout')),
  };
}

function certKeyChain(profile: ConfigObject, entry: JsonObject, view: View): readonly CertKeyChain[] {
  const certPem = certificatePem(textOf(entry['cert']), view);
  const keyObject = view.configuration.get('sys/file/ssl-key', textOf(entry['key']));
  if (certPem === undefined || keyObject?.content?.type !== 'key') return [];
  const chainPem = certificatePem(textOf(entry['chain']), view);
  const passphrase =
    profile.secrets[`certKeyChain/${textOf(entry['name'])}/passphrase`] ?? keyObject.secrets['passphrase'];
  return [
    {
      certPem,
      keyPem: keyObject.content.pem,
      ...(passphrase === undefined ? {} : { passphrase }),
      ...(chainPem === undefined ? {} : { chainPem }),
    },
  ];
}

function certificatePem(path: string, view: View): string | undefined {
  const content = view.configuration.get('sys/file/ssl-cert', path)?.content;
  return content?.type === 'certificate' ? content.pem : undefined;
}

/** Members that nobody took out of service and no monitor found down. */
function poolOf(pool: ConfigObject, view: View): PoolConfiguration {
  const members = view.configuration.children('ltm/pool/members', pool.name.fullPath);
  return {
    fullPath: pool.name.fullPath,
    members: members
      .filter((member) => takesConnections(member, view))
      .map((member) => ({
        address: withoutRouteDomain(textOf(member.own['address'])),
        port: parsePort(member.name.name.replace(/^.*[:.]/, '')) ?? 0,
      })),
  };
}

function takesConnections(member: ConfigObject, view: View): boolean {
  const node = view.configuration.get('ltm/node', member.name.fullPath.replace(/[:.][^:.]+$/, ''));
  return [member, ...(node === undefined ? [] : [node])].every((object) => {
    const state = view.effective(object, 'state');
    return state !== 'user-down' && state !== 'down' && view.effective(object, 'session') !== 'user-disabled';
  });
}

function internalDataGroup(object: ConfigObject): DataGroupConfiguration {
  return {
    fullPath: object.name.fullPath,
    type: object.own['type'] as DataGroupConfiguration['type'],
    records: recordsOf(object.own['records']),
  };
}

function externalDataGroup(object: ConfigObject, view: View): DataGroupConfiguration {
  const file = view.configuration.get('sys/file/data-group', textOf(object.own['externalFileName']));
  return {
    fullPath: object.name.fullPath,
    type: (view.effective(object, 'type') ?? 'string') as DataGroupConfiguration['type'],
    records: file?.content?.type === 'records' ? file.content.records : [],
  };
}

function pathsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** `10`, `immediate` or `indefinite` (which a timer cannot hold: a day), in seconds. */
function secondsOf(value: string): number {
  if (value === 'indefinite') return 86_400;
  return value === 'immediate' ? 0 : Number(value);
}
