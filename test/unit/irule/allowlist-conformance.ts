import { trustedSleep } from '../../support/svid-vectors.js';
import {
  audit,
  caller,
  decides,
  goodSan,
  onlySleep,
  says,
  untrusted,
  withExtensions,
} from './conformance-case.js';
import { enforcing } from './rule-bench.js';
import type { Groups } from './rule-bench.js';

const lists = (allow: readonly string[], deny: readonly string[] = []): Groups => ({
  allow,
  deny,
  settings: enforcing,
});
const namespace = 'spiffe://cluster.local/ns/batch/sa/*';
const everywhere = 'spiffe://cluster.local/ns/*';
const worker = 'spiffe://cluster.local/ns/batch/sa/worker';

/** Whom the lists admit. */
export const listCases = [
  decides('admits nobody by an empty list', caller(trustedSleep), 'not-listed', lists([])),
  decides('compares whole IDs: a longer one', caller(`${trustedSleep}-evil`), 'not-listed'),
  decides('compares whole IDs: a deeper one', caller(`${trustedSleep}/admin`), 'not-listed'),
  decides('compares whole IDs: a shorter one', caller(trustedSleep.slice(0, -1)), 'not-listed'),
  decides('admits a namespace by /sa/*', caller(worker), 'passes', lists([namespace])),
  decides(
    'admits no other namespace by it',
    caller('spiffe://cluster.local/ns/batch2/sa/worker'),
    'not-listed',
    lists([namespace]),
  ),
  decides('admits no deeper path by it', caller(`${worker}/x`), 'not-listed', lists([namespace, everywhere])),
  decides(
    'admits no other kind by it',
    caller('spiffe://cluster.local/ns/batch/job/worker'),
    'not-listed',
    lists([namespace, everywhere]),
  ),
  decides(
    'admits no path that has the form further in',
    caller('spiffe://cluster.local/x/ns/batch/sa/worker'),
    'not-listed',
    lists([namespace, everywhere]),
  ),
  decides('admits a trust domain by /ns/*', caller(worker), 'passes', lists([everywhere])),
  ...[worker, namespace, everywhere].map((denied) =>
    decides(
      `lets ${denied} of the deny group win`,
      caller(worker),
      'denied',
      lists([worker, namespace, everywhere], [denied]),
    ),
  ),
  decides(
    'denies no one else by a pattern',
    caller(worker),
    'passes',
    lists([worker], ['spiffe://cluster.local/ns/batch2/sa/*']),
  ),
  decides(
    'refuses a trust domain that is not accepted',
    caller('spiffe://other.example/ns/a/sa/b'),
    'trust-domain',
    lists(['spiffe://other.example/ns/a/sa/b']),
  ),
  decides('accepts a trust domain by the value 1 only', caller(trustedSleep), 'trust-domain', {
    ...onlySleep,
    settings: { 'trust-domain/cluster.local': '0' },
  }),
  decides('accepts a second trust domain', caller('spiffe://other.example/ns/a/sa/b'), 'passes', {
    allow: ['spiffe://other.example/ns/a/sa/b'],
    deny: [],
    settings: { ...enforcing, 'trust-domain/other.example': '1' },
  }),
  ...(['allow', 'deny', 'settings'] as const).map((missing) =>
    decides(`resets when the ${missing} group is missing`, caller(trustedSleep), 'an error', {
      ...onlySleep,
      [missing]: undefined,
    }),
  ),
];

const brokenCertificate = withExtensions(goodSan);

/** What audit mode lets pass, and what not even that. */
export const auditCases = [
  says(
    'lets pass in audit mode whom it would reject',
    caller(trustedSleep),
    audit,
    'CLIENTSSL_HANDSHAKE',
    `would-reject: ${trustedSleep} (not-listed)`,
  ),
  says(
    'names a denied caller in audit mode',
    caller(untrusted),
    audit,
    'CLIENTSSL_HANDSHAKE',
    `would-reject: ${untrusted} (denied)`,
  ),
  says(
    'names an allowed caller in audit mode',
    caller(trustedSleep),
    { ...audit, allow: [trustedSleep] },
    'CLIENTSSL_HANDSHAKE',
    `allowing: ${trustedSleep}`,
  ),
  decides('refuses no certificate in audit mode', {}, 'no-certificate', audit),
  decides('refuses no SVID in audit mode', { certificates: [brokenCertificate] }, 'key-usage', audit),
  decides(
    'refuses another trust domain in audit mode',
    caller('spiffe://other.example/ns/a/sa/b'),
    'trust-domain',
    audit,
  ),
  decides(
    'refuses what did not verify in audit mode',
    { ...caller(trustedSleep), verifyResult: 20 },
    'not-verified',
    audit,
  ),
  ...['Audit', 'audit ', '1', ''].map((mode) =>
    decides(`enforces in the mode "${mode}"`, caller(trustedSleep), 'not-listed', {
      ...audit,
      settings: { ...enforcing, mode },
    }),
  ),
];
