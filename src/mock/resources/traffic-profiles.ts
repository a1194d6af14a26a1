import { textOf } from '../json.js';
import type { Json } from '../json.js';
import type { Member, ResourceKind } from './resource-kind.js';
import { defaulted } from './resource-kind.js';
import { enabledDisabled, integer, listOf, numberOr, reference, text } from './value-type.js';
import type { ValueType } from './value-type.js';

/** `ltm/profile/fastl4`; recorded on 14.1.2.1. */
const fastL4 = profile('fastl4', 'FastL4 Profile', 'fastL4', {
  clientTimeout: 30,
  explicitFlowMigration: 'disabled',
  hardwareSynCookie: 'disabled',
  idleTimeout: '300',
  ipDfMode: 'preserve',
  ipTosToClient: 'pass-through',
  ipTosToServer: 'pass-through',
  ipTtlMode: 'decrement',
  ipTtlV4: 255,
  ipTtlV6: 64,
  keepAliveInterval: 'disabled',
  lateBinding: 'disabled',
  linkQosToClient: 'pass-through',
  linkQosToServer: 'pass-through',
  looseClose: 'disabled',
  looseInitialization: 'disabled',
  mssOverride: 0,
  otherPvaClientpktsThreshold: 2,
  otherPvaOffloadDirection: 'bidirectional',
  otherPvaServerpktsThreshold: 1,
  otherPvaWhentoOffload: 'after-packets-per-direction',
  priorityToClient: 'pass-through',
  priorityToServer: 'pass-through',
  pvaAcceleration: 'full',
  pvaDynamicClientPackets: 1,
  pvaDynamicServerPackets: 0,
  pvaFlowAging: 'enabled',
  pvaFlowEvict: 'enabled',
  pvaOffloadDynamic: 'enabled',
  pvaOffloadState: 'embryonic',
  reassembleFragments: 'disabled',
  receiveWindowSize: 0,
  resetOnTimeout: 'enabled',
  rttFromClient: 'disabled',
  rttFromServer: 'disabled',
  serverSack: 'disabled',
  serverTimestamp: 'disabled',
  softwareSynCookie: 'disabled',
  synCookieEnable: 'enabled',
  synCookieMss: 0,
  synCookieWhitelist: 'disabled',
  tcpCloseTimeout: '5',
  tcpGenerateIsn: 'disabled',
  tcpHandshakeTimeout: '5',
  tcpPvaWhentoOffload: 'embryonic',
  tcpStripSack: 'disabled',
  tcpTimeWaitTimeout: 0,
  tcpTimestampMode: 'preserve',
  tcpWscaleMode: 'preserve',
  timeoutRecovery: 'disconnect',
});

/** `ltm/profile/one-connect`; recorded on 14.1.2.1. */
const oneConnect = profile('one-connect', 'OneConnect Profile', 'oneconnect', {
  idleTimeoutOverride: 'disabled',
  limitType: 'none',
  maxAge: 86_400,
  maxReuse: 1000,
  maxSize: 10_000,
  sharePools: 'disabled',
  sourceMask: 'any',
});

/** `ltm/profile/udp`; its members are those that clients write, with the defaults that they document. */
const udp = profile('udp', 'UDP Profile', 'udp', {
  allowNoPayload: 'disabled',
  bufferMaxBytes: 655_350,
  bufferMaxPackets: 0,
  datagramLoadBalancing: 'disabled',
  idleTimeout: '60',
  ipDfMode: 'pmtu',
  ipTosToClient: '0',
  ipTtlMode: 'proxy',
  ipTtlV4: 255,
  ipTtlV6: 64,
  linkQosToClient: '0',
  noChecksum: 'disabled',
  proxyMss: 'disabled',
  sendBufferSize: 655_350,
});

/** `ltm/profile/http`; as udp, and without the nested settings of enforcement, HSTS, explicit proxies and sFlow. */
const http = profile('http', 'HTTP Profile', 'http', {
  acceptXff: 'disabled',
  basicAuthRealm: 'none',
  encryptCookies: [],
  fallbackHost: 'none',
  fallbackStatusCodes: [],
  headerErase: 'none',
  headerInsert: 'none',
  insertXforwardedFor: 'disabled',
  lwsSeparator: 'none',
  lwsWidth: 80,
  oneconnectTransformations: 'enabled',
  proxyType: 'reverse',
  redirectRewrite: 'none',
  requestChunking: 'sustain',
  responseChunking: 'sustain',
  responseHeadersPermitted: [],
  serverAgentName: 'BigIP',
  viaHostName: 'none',
  viaRequest: 'preserve',
  viaResponse: 'preserve',
  xffAlternativeNames: [],
});

/** `ltm/profile/fasthttp`; as udp. */
const fastHttp = profile('fasthttp', 'FastHTTP Profile', 'fasthttp', {
  clientCloseTimeout: 5,
  connpoolIdleTimeoutOverride: 0,
  connpoolMaxReuse: 0,
  connpoolMaxSize: 2048,
  connpoolMinSize: 0,
  connpoolReplenish: 'enabled',
  connpoolStep: 4,
  forceHttp_10Response: 'disabled',
  headerInsert: 'none',
  http_11CloseWorkarounds: 'disabled',
  idleTimeout: 300,
  insertXforwardedFor: 'disabled',
  layer_7: 'enabled',
  maxHeaderSize: 32_768,
  maxRequests: 0,
  mssOverride: 0,
  resetOnTimeout: 'enabled',
  serverCloseTimeout: 5,
  uncleanShutdown: 'disabled',
});

export const trafficProfiles: readonly ResourceKind[] = [fastHttp, fastL4, http, oneConnect, udp];

/** A profile whose members have no more to them than a type and a default, which tells the type. */
function profile(
  type: string,
  title: string,
  base: string,
  settings: Readonly<Record<string, Json>>,
): ResourceKind {
  const path = `ltm/profile/${type}`;
  const members: Member[] = [
    defaulted('appService', text, 'none'),
    defaulted('defaultsFrom', reference(path), 'none'),
    defaulted('description', text, 'none'),
    ...Object.entries(settings).map(([name, value]) => {
      const set = defaulted(name, typeOf(name, value), value);
      return { ...set, tmshName: set.tmshName.replaceAll('_', '-') };
    }),
  ];
  return {
    path,
    title,
    mcpdName: `profile_${type.replaceAll('-', '')}`,
    naming: 'partitioned',
    operations: ['create', 'modify', 'delete'],
    base: `/Common/${base}`,
    members: members.toSorted((a, b) => (a.tmshName < b.tmshName ? -1 : 1)),
  };
}

function typeOf(name: string, value: Json): ValueType {
  if (typeof value === 'number') return integer();
  if (Array.isArray(value)) return listOf(text);
  if (name === 'keepAliveInterval') return numberOr('disabled');
  if (value === 'enabled' || value === 'disabled') return enabledDisabled;
  if (value === 'pass-through') return numberOr('pass-through', 'mimic');
  return /^\d+$/.test(textOf(value)) ? numberOr('immediate', 'indefinite', 'pass-through', 'mimic') : text;
}
