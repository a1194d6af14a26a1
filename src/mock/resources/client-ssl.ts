import { Secret } from '../../secret.js';
import type { ConfigObject } from '../config/configuration.js';
import { mcpdRefusal } from '../config/refusal.js';
import { isJsonObject, textOf } from '../json.js';
import type { Json, JsonObject } from '../json.js';
import { isAtLeast } from '../tmos-version.js';
import type { TmosVersion } from '../tmos-version.js';
import { linkTo } from './link.js';
import type { Draft, Member, ResourceKind, View } from './resource-kind.js';
import { defaulted, member, readOnly } from './resource-kind.js';
import { encryptedValue } from './ssl-key.js';
import { sslOptions, spellOptions } from './ssl-options.js';
import {
  enabledDisabled,
  integer,
  integerOr,
  listOf,
  numberOr,
  oneOf,
  record,
  reference,
  text,
  trueFalse,
} from './value-type.js';
import type { ValueType } from './value-type.js';

const certificate = reference('sys/file/ssl-cert');
const privateKey = reference('sys/file/ssl-key');

const onOff = (name: string, value: string, options: Partial<Member> = {}) =>
  defaulted(name, enabledDisabled, value, options);
const unset = (name: string, type: ValueType = text, options: Partial<Member> = {}) =>
  defaulted(name, type, 'none', options);
const legacy = (name: 'cert' | 'chain' | 'key', type: ValueType) =>
  unset(name, type, { derive: (object, view) => servedEntry(object, view)?.[name] ?? 'none' });

/** `ltm/profile/client-ssl`: TLS towards clients. */
export const clientSsl: ResourceKind = {
  path: 'ltm/profile/client-ssl',
  title: 'ClientSSL Profile',
  mcpdName: 'profile_clientssl',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  base: '/Common/clientssl',
  members: [
    defaulted('alertTimeout', numberOr('immediate', 'indefinite'), 'indefinite'),
    onOff('allowDynamicRecordSizing', 'disabled'),
    onOff('allowExpiredCrl', 'disabled'),
    onOff('allowNonSsl', 'disabled'),
    unset('appService'),
    defaulted('authenticate', oneOf('once', 'always'), 'once'),
    defaulted('authenticateDepth', integer(), 9),
    onOff('bypassOnClientCertFail', 'disabled'),
    onOff('bypassOnHandshakeAlert', 'disabled'),
    unset('c3dClientFallbackCert', certificate, { since: '15.0', tmshName: 'c3d-client-fallback-cert' }),
    defaulted('c3dDropUnknownOcspStatus', oneOf('drop', 'ignore'), 'drop', { since: '13.1' }),
    unset('c3dOcsp', text, { since: '13.1' }),
    unset('caFile', certificate),
    defaulted('cacheSize', integer(0, 4_194_304), 262_144),
    defaulted('cacheTimeout', integer(0, 86_400), 3600),
    legacy('cert', certificate),
    defaulted('certExtensionIncludes', listOf(text), ['basic-constraints', 'subject-alternative-name']),
    defaulted('certLifespan', integer(1, 8192), 30),
    onOff('certLookupByIpaddrPort', 'disabled'),
    legacy('chain', certificate),
    unset('cipherGroup', reference('ltm/cipher/group')),
    defaulted('ciphers', text, 'DEFAULT'),
    unset('clientCertCa', certificate),
    unset('crl', text, { since: '15.0' }),
    unset('crlFile', reference('sys/file/ssl-crl')),
    onOff('data_0rtt', 'disabled', { since: '15.0', tmshName: 'data-0rtt' }),
    unset('defaultsFrom', reference('ltm/profile/client-ssl')),
    unset('description'),
    unset('destinationIpBlacklist'),
    unset('destinationIpWhitelist'),
    defaulted('forwardProxyBypassDefaultAction', oneOf('intercept', 'bypass'), 'intercept'),
    onOff('genericAlert', 'enabled'),
    defaulted('handshakeTimeout', numberOr('immediate', 'indefinite'), '10'),
    unset('hostnameBlacklist'),
    unset('hostnameWhitelist'),
    readOnly('inheritCaCertkeychain', trueFalse, { default: 'false', since: '14.0' }),
    readOnly('inheritCertkeychain', trueFalse, {
      derive: (object, view) => {
        const isBase = view.effective(object, 'defaultsFrom') === 'none';
        return isBase || object.own['certKeyChain'] !== undefined ? 'false' : 'true';
      },
    }),
    legacy('key', privateKey),
    defaulted('maxActiveHandshakes', numberOr('indefinite'), 'indefinite'),
    defaulted('maxAggregateRenegotiationPerMinute', integerOr('indefinite'), 'indefinite'),
    defaulted('maxRenegotiationsPerMinute', integerOr('indefinite'), 5),
    defaulted('maximumRecordSize', integer(128, 16_384), 16_384),
    onOff('modSslMethods', 'disabled'),
    onOff('mode', 'enabled'),
    onOff('notifyCertStatusToVirtualServer', 'disabled'),
    onOff('ocspStapling', 'disabled'),
    defaulted('tmOptions', sslOptions, [], { tmshName: 'options', spell: spellOptions }),
    member('passphrase', text),
    defaulted('peerCertMode', oneOf('ignore', 'request', 'require', 'auto'), 'ignore'),
    defaulted('peerNoRenegotiateTimeout', numberOr('indefinite'), '10'),
    unset('proxyCaCert', certificate),
    unset('proxyCaKey', privateKey),
    onOff('proxySsl', 'disabled'),
    onOff('proxySslPassthrough', 'disabled'),
    defaulted('renegotiateMaxRecordDelay', numberOr('indefinite'), 'indefinite'),
    defaulted('renegotiatePeriod', numberOr('indefinite'), 'indefinite'),
    defaulted('renegotiateSize', numberOr('indefinite'), 'indefinite'),
    onOff('renegotiation', 'enabled'),
    defaulted('retainCertificate', trueFalse, 'true'),
    defaulted('secureRenegotiation', oneOf('request', 'require', 'require-strict'), 'require'),
    unset('serverName'),
    onOff('sessionMirroring', 'disabled'),
    onOff('sessionTicket', 'disabled'),
    defaulted('sessionTicketTimeout', integer(0, 86_400), 0),
    defaulted('sniDefault', trueFalse, 'false'),
    defaulted('sniRequire', trueFalse, 'false'),
    unset('sourceIpBlacklist'),
    unset('sourceIpWhitelist'),
    onOff('sslC3d', 'disabled', { since: '13.1' }),
    onOff('sslForwardProxy', 'disabled'),
    onOff('sslForwardProxyBypass', 'disabled'),
    onOff('sslForwardProxyVerifiedHandshake', 'disabled', { since: '14.0' }),
    defaulted('sslSignHash', oneOf('any', 'sha1', 'sha256', 'sha384'), 'any'),
    onOff('strictResume', 'disabled'),
    onOff('uncleanShutdown', 'enabled'),
    member(
      'certKeyChain',
      listOf(
        record({
          name: { type: text },
          appService: { type: text },
          cert: { type: certificate },
          certReference: { type: record({ link: { type: text } }) },
          chain: { type: certificate },
          chainReference: { type: record({ link: { type: text } }) },
          key: { type: privateKey },
          keyReference: { type: record({ link: { type: text } }) },
          ocspStaplingParams: { type: text },
          passphrase: { type: text },
          usage: { type: oneOf('SERVER', 'CA') },
        }),
      ),
      { spell: spellCertKeyChain },
    ),
  ],
  settle: settleClientSsl,
};

/** The entries of `certKeyChain` that count for a profile: its own, or its parent's. */
export function certKeyChainOf(object: ConfigObject, view: View): readonly JsonObject[] {
  const entries = view.effective(object, 'certKeyChain');
  return Array.isArray(entries) ? entries.filter(isJsonObject) : [];
}

function servedEntry(object: ConfigObject, view: View): JsonObject | undefined {
  return certKeyChainOf(object, view).find((entry) => (entry['usage'] ?? 'SERVER') === 'SERVER');
}

function settleClientSsl(draft: Draft): ConfigObject {
  const { cert, chain, key, passphrase, ...own } = draft.object.own;
  const isLegacy = ['cert', 'chain', 'key', 'passphrase'].some((name) => draft.written[name] !== undefined);
  if (isLegacy && draft.written['certKeyChain'] !== undefined) {
    throw mcpdRefusal(
      '01b4002a',
      `Client SSL profile (${draft.object.name.fullPath}):cert-key-chain and profile ` +
        `cert/key/chain/passphrase options cannot be specified together.`,
    );
  }
  checkCiphers(own, draft.object.name.fullPath);
  const entries = isLegacy
    ? [{ ...firstEntry(own['certKeyChain']), name: 'default', ...defined({ cert, chain, key, passphrase }) }]
    : own['certKeyChain'];
  if (!Array.isArray(entries)) return { ...draft.object, own };
  const chainOfKeys = entries.filter(isJsonObject);
  const secrets: Record<string, Secret> = {};
  const stored = chainOfKeys.map((entry) => settleEntry(entry, draft, secrets));
  return { ...draft.object, own: { ...own, certKeyChain: stored }, secrets };
}

function settleEntry(entry: JsonObject, draft: Draft, secrets: Record<string, Secret>): JsonObject {
  const name = textOf(entry['name'] ?? 'default');
  const path = `certKeyChain/${name}/passphrase`;
  const written = entry['passphrase'];
  const kept = draft.before?.secrets[path];
  if (typeof written === 'string' && written !== encryptedValue) secrets[path] = new Secret(written);
  else if (kept !== undefined) secrets[path] = kept;
  const { certReference: _c, keyReference: _k, chainReference: _h, appService: _a, ...rest } = entry;
  return {
    ...rest,
    name,
    chain: entry['chain'] === '' ? 'none' : (entry['chain'] ?? 'none'),
    ...(secrets[path] === undefined ? {} : { passphrase: encryptedValue }),
  };
}

function checkCiphers(own: Readonly<Record<string, Json>>, fullPath: string): void {
  const group = own['cipherGroup'] ?? 'none';
  const ciphers = own['ciphers'] ?? 'none';
  if (group === 'none' || ciphers === 'none') return;
  throw mcpdRefusal(
    '01070734',
    `Configuration error: ${fullPath}: ciphers must be none when a cipher-group is specified.`,
  );
}

function spellCertKeyChain(value: Json, tmos: TmosVersion): Json {
  if (!Array.isArray(value)) return value;
  return value.filter(isJsonObject).map((entry) => ({
    name: entry['name'] ?? 'default',
    appService: 'none',
    ...named(entry, 'cert', 'sys/file/ssl-cert', tmos),
    ...named(entry, 'chain', 'sys/file/ssl-cert', tmos),
    ...named(entry, 'key', 'sys/file/ssl-key', tmos),
    ...(entry['passphrase'] === undefined ? {} : { passphrase: entry['passphrase'] }),
    ...(isAtLeast(tmos, '14.0') ? { usage: entry['usage'] ?? 'SERVER' } : {}),
  }));
}

function named(entry: JsonObject, name: string, kind: string, tmos: TmosVersion): JsonObject {
  const path = entry[name];
  if (typeof path !== 'string' || path === 'none') return { [name]: 'none' };
  return { [name]: path, [`${name}Reference`]: { link: linkTo(kind, path, tmos) } };
}

function firstEntry(value: Json | undefined): JsonObject {
  const first = Array.isArray(value) ? (value[0] as Json) : undefined;
  return isJsonObject(first) ? first : {};
}

function defined(values: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}
