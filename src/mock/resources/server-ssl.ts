import type { Member, ResourceKind } from './resource-kind.js';
import { defaulted } from './resource-kind.js';
import { sslOptions, spellOptions } from './ssl-options.js';
import {
  enabledDisabled,
  integer,
  listOf,
  numberOr,
  oneOf,
  reference,
  text,
  trueFalse,
} from './value-type.js';
import type { ValueType } from './value-type.js';

const certificate = reference('sys/file/ssl-cert');
const privateKey = reference('sys/file/ssl-key');
const dropIgnore = oneOf('drop', 'ignore', 'mask');

const onOff = (name: string, value: string, options: Partial<Member> = {}) =>
  defaulted(name, enabledDisabled, value, options);
const unset = (name: string, type: ValueType = text, options: Partial<Member> = {}) =>
  defaulted(name, type, 'none', options);

/** `ltm/profile/server-ssl`: TLS towards pool members; it verifies nobody until it is told to. */
export const serverSsl: ResourceKind = {
  path: 'ltm/profile/server-ssl',
  title: 'ServerSSL Profile',
  mcpdName: 'profile_serverssl',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  base: '/Common/serverssl',
  members: [
    defaulted('alertTimeout', numberOr('immediate', 'indefinite'), 'indefinite'),
    onOff('allowExpiredCrl', 'disabled'),
    unset('appService'),
    defaulted('authenticate', oneOf('once', 'always'), 'once'),
    defaulted('authenticateDepth', integer(), 9),
    unset('authenticateName'),
    onOff('bypassOnClientCertFail', 'disabled'),
    onOff('bypassOnHandshakeAlert', 'disabled'),
    unset('c3dCaCert', certificate),
    unset('c3dCaKey', privateKey),
    defaulted('c3dCertExtensionCustomOids', listOf(text), []),
    defaulted('c3dCertExtensionIncludes', listOf(text), [
      'basic-constraints',
      'extended-key-usage',
      'key-usage',
      'subject-alternative-name',
    ]),
    defaulted('c3dCertLifespan', integer(1), 24),
    unset('caFile', certificate),
    defaulted('cacheSize', integer(0, 4_194_304), 262_144),
    defaulted('cacheTimeout', integer(0, 86_400), 3600),
    unset('cert', certificate),
    unset('chain', certificate),
    unset('cipherGroup', reference('ltm/cipher/group')),
    defaulted('ciphers', text, 'DEFAULT'),
    unset('crl', text, { since: '14.0' }),
    unset('crlFile', reference('sys/file/ssl-crl')),
    onOff('data_0rtt', 'disabled', { since: '15.0', tmshName: 'data-0rtt' }),
    unset('defaultsFrom', reference('ltm/profile/server-ssl')),
    unset('description'),
    defaulted('expireCertResponseControl', dropIgnore, 'drop'),
    onOff('genericAlert', 'enabled'),
    defaulted('handshakeTimeout', numberOr('immediate', 'indefinite'), '10'),
    unset('key', privateKey),
    defaulted('maxActiveHandshakes', numberOr('indefinite'), 'indefinite'),
    onOff('modSslMethods', 'disabled'),
    onOff('mode', 'enabled'),
    unset('ocsp'),
    defaulted('tmOptions', sslOptions, [], { tmshName: 'options', spell: spellOptions }),
    defaulted('peerCertMode', oneOf('ignore', 'require'), 'ignore'),
    onOff('proxySsl', 'disabled'),
    onOff('proxySslPassthrough', 'disabled'),
    defaulted('renegotiatePeriod', numberOr('indefinite'), 'indefinite'),
    defaulted('renegotiateSize', numberOr('indefinite'), 'indefinite'),
    onOff('renegotiation', 'enabled'),
    defaulted('retainCertificate', trueFalse, 'true'),
    defaulted('revokedCertStatusResponseControl', dropIgnore, 'drop', { since: '15.0' }),
    defaulted('secureRenegotiation', oneOf('request', 'require', 'require-strict'), 'require-strict'),
    unset('serverName'),
    onOff('sessionMirroring', 'disabled'),
    onOff('sessionTicket', 'disabled'),
    defaulted('sniDefault', trueFalse, 'false'),
    defaulted('sniRequire', trueFalse, 'false'),
    onOff('sslC3d', 'disabled'),
    onOff('sslForwardProxy', 'disabled'),
    onOff('sslForwardProxyBypass', 'disabled'),
    onOff('sslForwardProxyVerifiedHandshake', 'disabled', { since: '14.0' }),
    defaulted('sslSignHash', oneOf('any', 'sha1', 'sha256', 'sha384'), 'any'),
    onOff('strictResume', 'disabled'),
    onOff('uncleanShutdown', 'enabled'),
    defaulted('unknownCertStatusResponseControl', dropIgnore, 'ignore', { since: '15.0' }),
    defaulted('untrustedCertResponseControl', dropIgnore, 'drop'),
  ],
};
