import { strict as assert } from 'node:assert';
import {
  basicConstraints,
  certificateDer,
  clientAuth,
  der,
  extendedKeyUsage,
  extension,
  keyUsage,
  oid,
  san,
  serverAuth,
  uri,
} from '../../support/der.js';
import { loadSvidVectors, trustedSleep, vectorDer } from '../../support/svid-vectors.js';
import { countersCases } from './counters-conformance.js';
import { auditing, enforcing, reasonIn, rulePath, virtualServer } from './rule-bench.js';
import type { Caller, Groups, RuleBench } from './rule-bench.js';

/** One thing that the rule must do; `check` throws when it does not. */
export interface ConformanceCase {
  readonly name: string;
  readonly check: (bench: RuleBench) => Promise<void>;
}

const untrusted = 'spiffe://cluster.local/ns/untrusted/sa/sleep';
const onlySleep: Groups = { allow: [trustedSleep], deny: [], settings: enforcing };
const goodUsage = keyUsage(true, 0xa0);
const goodSan = san(true, uri(trustedSleep));
const filler = (length: number): Buffer => der(0x82, Buffer.alloc(length, 0x61));

/** A certificate that carries one ID and is otherwise as the mesh's CA makes it. */
export const certificateOf = (id: string): Buffer =>
  certificateDer({ extensions: [goodUsage, san(true, uri(id))] });
const withExtensions = (...extensions: readonly Buffer[]): Buffer => certificateDer({ extensions });
const padded = (length: number): Buffer =>
  withExtensions(goodUsage, san(true, filler(length), uri(trustedSleep)));
const crowded = (names: number): Buffer =>
  withExtensions(goodUsage, san(true, ...Array.from({ length: names }, () => filler(1)), uri(trustedSleep)));
/** An element whose length is written as given, right or wrong. */
const element = (tag: string, length: string, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from(tag + length, 'hex'), content]);
const namedBy = (...names: readonly Buffer[]): Buffer => withExtensions(goodUsage, san(true, ...names));
const sizeFrame = padded(16_000).length - 16_000;

function decides(
  name: string,
  caller: Caller,
  expected: string,
  groups: Groups = onlySleep,
): ConformanceCase {
  return {
    name,
    check: async (bench) => {
      await bench.setGroups(groups);
      const { passes, lines } = await bench.call(caller);
      assert.equal(passes ? 'passes' : (reasonIn(lines[0]) ?? 'an error'), expected);
    },
  };
}

const judges = (name: string, certificate: Buffer, expected: string): ConformanceCase =>
  decides(name, { certificates: [certificate] }, expected);

const says = (
  name: string,
  caller: Caller,
  groups: Groups,
  event: string,
  text: string,
): ConformanceCase => ({
  name,
  check: async (bench) => {
    await bench.setGroups(groups);
    assert.deepEqual((await bench.call(caller)).lines, [`Rule ${rulePath} <${event}>: ${text}`]);
  },
});

const caller = (id: string): Caller => ({ certificates: [certificateOf(id)] });

const aboutVectors = loadSvidVectors()
  // Time and chain are the TLS stack's part.
  .filter(({ enforcement, category }) => enforcement === 'must' && !['time', 'chain'].includes(category))
  .map((vector): ConformanceCase => ({
    name: `${vector.decisionIfOnlyTrustedSleepIsAllowed}s the vector ${vector.name}`,
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const { passes, lines } = await bench.call({ certificates: [vectorDer(vector)] });
      assert.equal(passes, vector.decisionIfOnlyTrustedSleepIsAllowed === 'allow');
      const named = /: (spiffe:\/\/\S+?)(?: \(|$)/.exec(lines[0] ?? '')?.[1];
      if (named !== undefined && !named.includes('...('))
        assert.ok(vector.expectedSpiffeIds.includes(named), named);
      assert.match(lines.join('\n'), /^[ -~]+$/);
    },
  }));

const aboutCertificates = [
  judges('takes a plain SVID', certificateOf(trustedSleep), 'passes'),
  judges('takes a certificate of 16384 bytes', padded(16_384 - sizeFrame), 'passes'),
  judges('refuses one of 16385 bytes', padded(16_385 - sizeFrame), 'too-large'),
  judges('reads 400 elements', crowded(376), 'passes'),
  judges('reads no 401st', crowded(377), 'too-large'),
  judges('refuses no bytes at all', Buffer.alloc(0), 'malformed'),
  judges(
    'refuses what follows the certificate',
    Buffer.concat([certificateOf(trustedSleep), Buffer.of(0)]),
    'malformed',
  ),
  judges(
    'refuses what follows the signature',
    certificateDer({ extensions: [goodUsage, goodSan], trailer: der(5) }),
    'malformed',
  ),
  judges(
    'refuses a field of the wrong kind',
    certificateDer({ extensions: [goodUsage, goodSan], subject: der(0x31) }),
    'malformed',
  ),
  judges(
    'refuses fields out of order',
    certificateDer({ extensions: [goodUsage, goodSan], afterKey: Buffer.concat([der(0x82), der(0x81)]) }),
    'malformed',
  ),
  judges(
    'takes both unique IDs',
    certificateDer({ extensions: [goodUsage, goodSan], afterKey: Buffer.concat([der(0x81), der(0x82)]) }),
    'passes',
  ),
  judges(
    'takes a certificate without a version',
    certificateDer({ version: Buffer.alloc(0), extensions: [goodUsage, goodSan] }),
    'passes',
  ),
  judges(
    'refuses two lists of extensions',
    certificateDer({ extensionsBlock: der(0xa3, der(0x30, goodUsage, goodSan), der(0x30)) }),
    'malformed',
  ),
  judges(
    'refuses an extension that is no sequence',
    withExtensions(goodUsage, goodSan, der(0x31)),
    'malformed',
  ),
  judges(
    'refuses an extension with a fourth member',
    withExtensions(
      goodUsage,
      der(0x30, oid.san, Buffer.from('0101ff', 'hex'), der(0x04, der(0x30, uri(trustedSleep))), der(5)),
    ),
    'malformed',
  ),
  judges(
    'refuses a criticality that is no BOOLEAN of DER',
    withExtensions(goodUsage, extension(oid.san, Buffer.from('010101', 'hex'), der(0x30, uri(trustedSleep)))),
    'malformed',
  ),
  judges(
    'takes a criticality that is spelled out as false',
    withExtensions(
      goodUsage,
      goodSan,
      extension(
        oid.extendedKeyUsage,
        Buffer.from('010100', 'hex'),
        der(0x30, der(6, Buffer.from(serverAuth, 'hex')), der(6, Buffer.from(clientAuth, 'hex'))),
      ),
    ),
    'passes',
  ),
  judges(
    'does not read a longer OID as that of the SAN',
    withExtensions(
      goodUsage,
      extension(Buffer.from('0604551d1100', 'hex'), false, der(0x30, uri(trustedSleep))),
    ),
    'no-san',
  ),
  judges('refuses two SANs', withExtensions(goodUsage, goodSan, goodSan), 'duplicate-san'),
  judges('refuses a SAN without a URI', withExtensions(goodUsage, san(true, filler(3))), 'no-uri'),
  judges(
    'refuses two URIs, the same twice as well',
    withExtensions(goodUsage, san(true, uri(trustedSleep), uri(trustedSleep))),
    'many-uris',
  ),
  judges(
    'refuses an unknown kind of name',
    withExtensions(goodUsage, san(true, der(0x89), uri(trustedSleep))),
    'malformed',
  ),
  judges(
    'refuses what follows the names',
    withExtensions(
      goodUsage,
      extension(oid.san, true, Buffer.concat([der(0x30, uri(trustedSleep)), der(5)])),
    ),
    'malformed',
  ),
  judges(
    'refuses a list of names that is none',
    withExtensions(goodUsage, extension(oid.san, true, der(0x31, uri(trustedSleep)))),
    'malformed',
  ),
  judges(
    'takes an ID of 2048 bytes for one',
    certificateOf(`spiffe://cluster.local/${'a'.repeat(2025)}`),
    'not-listed',
  ),
  judges('takes none of 2049', certificateOf(`spiffe://cluster.local/${'a'.repeat(2026)}`), 'bad-spiffe-id'),
  ...[
    ' x',
    'x ',
    'x\n',
    'x\0',
    'x/',
    'x//y',
    'x/./y',
    'x/..',
    './x',
    'x?',
    'x#',
    'x%2f',
    'x:1',
    'é',
    'x*',
    '*',
  ].map((end) =>
    judges(
      `takes no path ${JSON.stringify(end)}`,
      certificateOf(`spiffe://cluster.local/${end}`),
      'bad-spiffe-id',
    ),
  ),
  ...[
    'Spiffe://cluster.local/a',
    'spiffe:/cluster.local/a',
    'spiffe:///a',
    'spiffe://cluster.local',
    'spiffe://Cluster.local/a',
    'xspiffe://cluster.local/a',
    `spiffe://${'a'.repeat(256)}/a`,
    'spiffe://a@cluster.local/a',
  ].map((id) => judges(`takes no ID ${id.slice(0, 40)}`, certificateOf(id), 'bad-spiffe-id')),
  judges(
    'takes dots inside of a segment',
    certificateOf('spiffe://cluster.local/a..b/.c./...'),
    'not-listed',
  ),
  judges(
    'refuses a CA',
    withExtensions(goodUsage, goodSan, basicConstraints(Buffer.from('0101ff', 'hex'))),
    'ca-certificate',
  ),
  judges(
    'takes cA that is spelled out as false',
    withExtensions(goodUsage, goodSan, basicConstraints(Buffer.from('010100', 'hex'))),
    'passes',
  ),
  judges(
    'refuses a cA that is no BOOLEAN of DER',
    withExtensions(goodUsage, goodSan, basicConstraints(Buffer.from('010101', 'hex'))),
    'malformed',
  ),
  judges(
    'refuses constraints with a stranger',
    withExtensions(goodUsage, goodSan, basicConstraints(der(5))),
    'malformed',
  ),
  judges(
    'refuses basicConstraints twice',
    withExtensions(goodUsage, goodSan, basicConstraints(), basicConstraints()),
    'malformed',
  ),
  judges('wants keyUsage', withExtensions(goodSan), 'key-usage'),
  judges('wants it critical', withExtensions(keyUsage(false, 0xa0), goodSan), 'key-usage'),
  judges('wants digitalSignature', withExtensions(keyUsage(true, 0x20), goodSan), 'key-usage'),
  judges('refuses keyCertSign', withExtensions(keyUsage(true, 0x84), goodSan), 'key-usage'),
  judges('refuses cRLSign', withExtensions(keyUsage(true, 0x82), goodSan), 'key-usage'),
  judges(
    'refuses a keyUsage without bits',
    withExtensions(extension(oid.keyUsage, true, der(3, Buffer.of(0))), goodSan),
    'key-usage',
  ),
  judges(
    'refuses an empty bit string',
    withExtensions(extension(oid.keyUsage, true, der(3)), goodSan),
    'malformed',
  ),
  judges(
    'refuses eight unused bits of a keyUsage that is not critical',
    withExtensions(extension(oid.keyUsage, false, der(3, Buffer.of(8, 0x80))), goodSan),
    'malformed',
  ),
  judges(
    'refuses eight unused bits',
    withExtensions(extension(oid.keyUsage, true, der(3, Buffer.of(8, 0x80))), goodSan),
    'malformed',
  ),
  judges(
    'refuses a negative number of unused bits',
    withExtensions(extension(oid.keyUsage, true, der(3, Buffer.of(0x80, 0x80))), goodSan),
    'malformed',
  ),
  judges(
    'takes both extended usages',
    withExtensions(goodUsage, goodSan, extendedKeyUsage(serverAuth, clientAuth)),
    'passes',
  ),
  judges(
    'wants clientAuth among extended usages',
    withExtensions(goodUsage, goodSan, extendedKeyUsage(serverAuth)),
    'extended-key-usage',
  ),
  judges(
    'wants serverAuth among extended usages',
    withExtensions(goodUsage, goodSan, extendedKeyUsage(clientAuth)),
    'extended-key-usage',
  ),
  judges(
    'refuses an extended usage that is no OID',
    withExtensions(goodUsage, goodSan, extension(oid.extendedKeyUsage, false, der(0x30, der(5)))),
    'malformed',
  ),
  judges(
    'wants the SAN critical when there is no subject',
    withExtensions(goodUsage, san(false, uri(trustedSleep))),
    'san-not-critical',
  ),
  judges(
    'takes it either way when there is one',
    certificateDer({ subject: der(0x30, der(0x31)), extensions: [goodUsage, san(false, uri(trustedSleep))] }),
    'passes',
  ),
  judges(
    'refuses a critical extension that it does not know',
    withExtensions(goodUsage, goodSan, extension(oid.nameConstraints, true, der(0x30))),
    'unknown-critical-extension',
  ),
  judges(
    'passes over one that is not critical',
    withExtensions(goodUsage, goodSan, extension(oid.nameConstraints, false, der(0x30))),
    'passes',
  ),
  ...['1f0100', '308000', '3003'].map((hex) =>
    judges(
      `refuses the bytes ${hex} in the place of names`,
      withExtensions(goodUsage, extension(oid.san, true, Buffer.from(hex, 'hex'))),
      'malformed',
    ),
  ),
  ...['812a', '82002a', '8300002a'].map((length) =>
    judges(
      `refuses the length 42 written as ${length}`,
      namedBy(element('86', length, Buffer.from(trustedSleep))),
      'malformed',
    ),
  ),
  judges(
    'refuses the length 200 in two octets',
    namedBy(element('82', '8200c8', Buffer.alloc(200, 0x61)), uri(trustedSleep)),
    'malformed',
  ),
  judges(
    'refuses the length 300 in three octets',
    namedBy(element('82', '8300012c', Buffer.alloc(300, 0x61)), uri(trustedSleep)),
    'malformed',
  ),
  judges(
    'takes the length 300 in two octets',
    namedBy(element('82', '82012c', Buffer.alloc(300, 0x61)), uri(trustedSleep)),
    'passes',
  ),
  judges(
    'refuses a name that is longer than its list',
    namedBy(uri(trustedSleep), element('82', '05', Buffer.from('abc'))),
    'malformed',
  ),
  judges('refuses a second certificate', Buffer.concat([certificateOf(trustedSleep), der(5)]), 'malformed'),
  judges(
    'refuses an extension with something behind its value',
    withExtensions(goodUsage, goodSan, der(0x30, oid.nameConstraints, der(4), der(5))),
    'malformed',
  ),
  judges(
    'refuses an extension of another tag',
    withExtensions(goodUsage, goodSan, der(0x31, oid.nameConstraints, der(4))),
    'malformed',
  ),
];

const lists = (allow: readonly string[], deny: readonly string[] = []): Groups => ({
  allow,
  deny,
  settings: enforcing,
});
const namespace = 'spiffe://cluster.local/ns/batch/sa/*';
const everywhere = 'spiffe://cluster.local/ns/*';
const worker = 'spiffe://cluster.local/ns/batch/sa/worker';

const aboutLists = [
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

const audit: Groups = { allow: [], deny: [untrusted], settings: auditing };
const brokenCertificate = withExtensions(goodSan);

const aboutAudit = [
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

const aboutConnections: readonly ConformanceCase[] = [
  says(
    'admits at the end of the handshake',
    caller(trustedSleep),
    onlySleep,
    'CLIENTSSL_HANDSHAKE',
    `allowing: ${trustedSleep}`,
  ),
  says(
    'refuses at the certificate',
    caller(untrusted),
    onlySleep,
    'CLIENTSSL_CLIENTCERT',
    `rejecting: ${untrusted} (not-listed)`,
  ),
  says(
    'refuses a resumed session at the end of its handshake',
    { ...caller(untrusted), isResumed: true },
    onlySleep,
    'CLIENTSSL_HANDSHAKE',
    `rejecting: ${untrusted} (not-listed)`,
  ),
  says(
    'refuses a resumed session that kept no certificate',
    { isResumed: true },
    onlySleep,
    'CLIENTSSL_HANDSHAKE',
    'rejecting: - (no-certificate)',
  ),
  decides(
    'admits a resumed session of a listed caller',
    { ...caller(trustedSleep), isResumed: true },
    'passes',
  ),
  decides(
    'refuses a certificate that did not verify',
    { ...caller(trustedSleep), verifyResult: 18 },
    'not-verified',
  ),
  decides(
    'looks at the leaf only',
    { certificates: [certificateOf(untrusted), certificateOf(trustedSleep)] },
    'not-listed',
  ),
  ...[false, true].map((isResumed) => ({
    name: `drops the session, rejects, and silences every later event${isResumed ? ' of a resumed session' : ''}`,
    check: async (bench: RuleBench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      const facts = { certificate_count: 1, 'certificate.0': certificateOf(untrusted), verify_result: 0 };
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      const event = isResumed ? 'CLIENTSSL_HANDSHAKE' : 'CLIENTSSL_CLIENTCERT';
      const kinds = (await flow.run(event, facts)).map(({ kind }) => kind);
      assert.deepEqual(kinds, ['run', 'log', 'invalidate', 'reject']);
      assert.deepEqual(await flow.run('LB_SELECTED', {}), []);
      await flow.close();
    },
  })),
  {
    name: 'lets nobody to a pool member who came around the handshake',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      assert.deepEqual(
        (await flow.run('LB_SELECTED', {})).map(({ kind }) => kind),
        ['run', 'reject'],
      );
      assert.deepEqual(await flow.run('CLIENT_CLOSED', {}), []);
      await flow.close();
    },
  },
  {
    name: 'lets nobody to a pool member after the certificate alone',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      const facts = { certificate_count: 1, 'certificate.0': certificateOf(trustedSleep), verify_result: 0 };
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      await flow.run('CLIENTSSL_CLIENTCERT', facts);
      assert.ok((await flow.run('LB_SELECTED', {})).some(({ kind }) => kind === 'reject'));
      await flow.close();
    },
  },
  {
    name: 'forgets an admission when the client shows another certificate later',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      const facts = (id: string) => ({
        certificate_count: 1,
        'certificate.0': certificateOf(id),
        verify_result: 0,
      });
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      await flow.run('CLIENTSSL_HANDSHAKE', facts(trustedSleep));
      const kinds = (await flow.run('CLIENTSSL_CLIENTCERT', facts(untrusted))).map(({ kind }) => kind);
      assert.ok(kinds.includes('reject'));
      await flow.close();
    },
  },
  {
    name: 'admits anew only when a new handshake is over',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      const facts = { certificate_count: 1, 'certificate.0': certificateOf(trustedSleep), verify_result: 0 };
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      await flow.run('CLIENTSSL_HANDSHAKE', facts);
      await flow.run('CLIENTSSL_CLIENTCERT', facts);
      assert.ok((await flow.run('LB_SELECTED', {})).some(({ kind }) => kind === 'reject'));
      await flow.close();
    },
  },
];

const aboutRechecks: readonly ConformanceCase[] = [
  {
    name: 'starts no timer without recheck',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const { effects } = await bench.call(caller(trustedSleep));
      assert.ok(!effects.some(({ kind }) => kind === 'after'));
    },
  },
  {
    name: 'looks again every recheck seconds, and ends the connection of a caller who may no longer',
    check: async (bench) => {
      const settings = { ...enforcing, recheck: '30' };
      await bench.setGroups({ ...onlySleep, settings });
      const flow = await bench.openFlow();
      const facts = { certificate_count: 1, 'certificate.0': certificateOf(trustedSleep), verify_result: 0 };
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      const effects = await flow.run('CLIENTSSL_HANDSHAKE', facts);
      const timers = effects.flatMap((effect) => (effect.kind === 'after' ? [effect] : []));
      assert.deepEqual(
        timers.map(({ delayMs, isPeriodic }) => ({ delayMs, isPeriodic })),
        [{ delayMs: 30_000, isPeriodic: true }],
      );
      const again = await flow.run('CLIENTSSL_HANDSHAKE', facts);
      assert.ok(!again.some(({ kind }) => kind === 'after'), 'one timer a connection');
      const [timer] = timers;
      assert.ok(timer);
      const tick = async (): Promise<string[]> => (await flow.runTimer(timer.id)).map(({ kind }) => kind);
      assert.deepEqual(await tick(), ['run']);
      await bench.setGroups({ allow: [trustedSleep], deny: [], settings: { ...settings, mode: 'audit' } });
      assert.deepEqual(await tick(), ['run']);
      await bench.setGroups({ allow: [trustedSleep], deny: [trustedSleep], settings });
      assert.deepEqual(await tick(), ['run', 'reject', 'log']);
      await bench.setGroups({});
      assert.deepEqual(await tick(), ['run', 'reject', 'log']);
      await flow.close();
    },
  },
  ...['soon', '0', '-5', '1.5', '100000', '5 ', '5\n'].map((recheck) =>
    decides(`admits nobody while recheck is ${JSON.stringify(recheck)}`, caller(trustedSleep), 'an error', {
      ...onlySleep,
      settings: { ...enforcing, recheck },
    }),
  ),
];

const counter = (name: string): string => `ltm.virtual ${virtualServer} counter ${name}`;

const aboutReports: readonly ConformanceCase[] = [
  {
    name: 'cuts a long ID in the middle and says how long it is',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const [text = ''] = (await bench.call(caller(`spiffe://cluster.local/${'a'.repeat(2000)}/end`))).lines;
      assert.ok(text.length <= 1024, String(text.length));
      assert.match(
        text,
        /rejecting: spiffe:\/\/cluster\.local\/a+\.\.\.\(2027 bytes\)\.\.\.a+\/end \(not-listed\)$/,
      );
    },
  },
  {
    name: 'writes an ID of 700 bytes whole',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const id = `spiffe://cluster.local/${'a'.repeat(677)}`;
      const [text = ''] = (await bench.call(caller(id))).lines;
      assert.ok(text.endsWith(`rejecting: ${id} (not-listed)`));
      assert.ok(text.length <= 1024);
    },
  },
  {
    name: 'counts each connection once, rejections by their reason',
    check: async (bench) => {
      const before = await bench.engine.istats();
      const count = async (name: string): Promise<number> =>
        Number((await bench.engine.istats()).get(counter(name)) ?? 0) -
        Number(before.get(counter(name)) ?? 0);
      await bench.setGroups(onlySleep);
      await bench.call(caller(trustedSleep));
      await bench.call(caller(untrusted));
      await bench.call({});
      await bench.setGroups(audit);
      await bench.call(caller(untrusted));
      assert.deepEqual(
        [
          await count('spiffe_allowed'),
          await count('spiffe_rejected_not_listed'),
          await count('spiffe_rejected_no_certificate'),
          await count('spiffe_would_reject'),
        ],
        [1, 1, 1, 1],
      );
      const after = [...(await bench.engine.istats()).keys()].filter((key) => !before.has(key));
      assert.ok(
        after.every((key) => /counter spiffe_(?:allowed|would_reject|rejected_[a-z_]+)$/.test(key)),
        after.join(),
      );
    },
  },
];

/** Everything that the rule must do, as far as single callers show it. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...aboutCertificates,
  ...aboutLists,
  ...aboutAudit,
  ...aboutConnections,
  ...aboutRechecks,
  ...aboutReports,
  ...countersCases,
  ...aboutVectors,
];
