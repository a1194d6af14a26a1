import { strict as assert } from 'node:assert';
import {
  authorityKeyIdentifier,
  certificateDer,
  der,
  extension,
  keyUsage,
  oid,
  san,
  uri,
} from '../../support/der.js';
import { trustedSleep } from '../../support/svid-vectors.js';
import { auditing, countedBy, countersPath, enforcing } from './rule-bench.js';
import type { Caller, Groups } from './rule-bench.js';
import type { ConformanceCase } from './conformance-case.js';

const named = (text: string): Buffer => der(0x30, der(0x0c, Buffer.from(text)));
const keyOf = (text: string): Buffer => Buffer.from(text.padEnd(20, '.'));
const keyId = (text: string): Buffer => authorityKeyIdentifier(der(0x80, keyOf(text)));

/** What the certificate of a caller or of a CA says of its issuer. */
interface Issued {
  readonly by: string;
  readonly key?: Buffer;
}

const leaf = ({ by, key }: Issued, id = trustedSleep): Buffer =>
  certificateDer({
    issuer: named(by),
    extensions: [keyUsage(true, 0xa0), san(true, uri(id)), ...(key === undefined ? [] : [key])],
  });
const ca = (name: string, { by, key }: Issued): Buffer =>
  certificateDer({
    subject: named(name),
    issuer: named(by),
    ...(key === undefined ? {} : { extensions: [key] }),
  });
const root = (name: string): Buffer => ca(name, { by: name, key: keyId(name) });

const listed: Groups = { allow: [trustedSleep], deny: [], settings: enforcing };
/** The root `new` stays, by its key and by its name; `old` is to go. */
const rotating: Groups = {
  ...listed,
  settings: {
    ...enforcing,
    retiring: '1',
    [`root/${keyOf('new').toString('hex')}`]: '1',
    [`root-dn/${named('new').toString('hex')}`]: '1',
  },
};

function counts(
  name: string,
  caller: Caller,
  expected: readonly string[],
  groups = rotating,
): ConformanceCase {
  return {
    name: `counts ${name}`,
    check: async (bench) => {
      await bench.setGroups(groups);
      assert.deepEqual(countedBy(await bench.call(caller)), expected);
    },
  };
}

const chain = (...certificates: readonly Buffer[]): Caller => ({ certificates });
const newer: Issued = { by: 'new', key: keyId('new') };
const older: Issued = { by: 'old', key: keyId('old') };
const between: Issued = { by: 'between', key: keyId('between') };
const settled = ['allowed'];
const retiring = ['allowed', 'retiring'];
const stranger = 'spiffe://cluster.local/ns/untrusted/sa/sleep';

const aboutOutcomes: readonly ConformanceCase[] = [
  counts('an admission', chain(leaf(newer)), ['allowed'], listed),
  counts('a rejection', chain(leaf(newer, stranger)), ['rejected'], listed),
  counts('a caller without a certificate', {}, ['rejected'], listed),
  counts('a resumed session', { certificates: [leaf(newer)], isResumed: true }, ['allowed'], listed),
  counts('whom audit lets in', chain(leaf(newer)), ['would_reject'], {
    allow: [],
    deny: [],
    settings: auditing,
  }),
  {
    name: 'decides alike when the virtual server has no statistics profile',
    check: async (bench) => {
      await bench.setGroups(rotating);
      for (const [caller, passes] of [
        [chain(leaf(older)), true],
        [chain(leaf(older, stranger)), false],
      ] as const) {
        const outcome = await bench.call({ ...caller, isUncounted: true });
        assert.equal(outcome.passes, passes);
        assert.ok(!outcome.effects.some(({ kind }) => kind === 'error' || kind === 'count'));
      }
    },
  },
  {
    name: 'counts a connection that is ended at a recheck as a rejection',
    check: async (bench) => {
      await bench.setGroups({ ...listed, settings: { ...enforcing, recheck: '30' } });
      const flow = await bench.openFlow();
      await flow.run('CLIENT_ACCEPTED', { virtual: '/mesh/echo', statistics_profiles: countersPath });
      const facts = { certificate_count: 1, 'certificate.0': leaf(newer), verify_result: 0 };
      const timers = (await flow.run('CLIENTSSL_HANDSHAKE', facts)).flatMap((effect) =>
        effect.kind === 'after' ? [effect.id] : [],
      );
      assert.equal(timers.length, 1);
      await bench.setGroups({ ...listed, allow: [] });
      const effects = await flow.runTimer(timers[0] ?? '');
      await flow.close();
      assert.deepEqual(countedBy({ effects }), ['rejected']);
    },
  },
];

const aboutRoots: readonly ConformanceCase[] = [
  counts('no chain where no root is to go', chain(leaf(older)), settled, {
    ...rotating,
    settings: { ...rotating.settings, retiring: '0' },
  }),
  counts('no leaf of a root that stays', chain(leaf(newer)), settled),
  counts('a leaf of a root that is to go', chain(leaf(older)), retiring),
  counts('no leaf that names a root that stays by its name alone', chain(leaf({ by: 'new' })), settled),
  counts('a leaf that names one that is to go by its name alone', chain(leaf({ by: 'old' })), retiring),
  counts('by the key where a leaf gives both', chain(leaf({ by: 'new', key: keyId('old') })), retiring),
  counts(
    'by the name where the identifier has no key',
    chain(leaf({ by: 'new', key: authorityKeyIdentifier(der(0xa1), der(0x82, Buffer.of(1))) })),
    settled,
  ),
  counts('no chain through a CA to a root that stays', chain(leaf(between), ca('between', newer)), settled),
  counts('a chain through a CA to one that is to go', chain(leaf(between), ca('between', older)), retiring),
  counts(
    'no chain that ends in the root that stays',
    chain(leaf(between), ca('between', newer), root('new')),
    settled,
  ),
  counts(
    'no chain behind which the other root stands, too',
    chain(leaf(between), ca('between', newer), root('new'), root('old')),
    settled,
  ),
  counts(
    'a chain behind which a root that stays does not belong',
    chain(leaf(between), ca('between', older), root('old'), root('new')),
    retiring,
  ),
  counts('a chain with a gap', chain(leaf(between), ca('other', newer)), retiring),
  counts(
    'a leaf that names two roots alike, whichever of them stands behind it',
    chain(leaf({ by: 'both' }), ca('both', { by: 'both', key: keyId('new') })),
    retiring,
  ),
  counts('a chain that ends before a root is named', chain(leaf(between)), retiring),
  counts(
    'no chain to a root that a root that stays has signed',
    chain(leaf(older), ca('old', newer)),
    settled,
  ),
  counts(
    'a root that nobody knows',
    chain(leaf({ by: 'x', key: keyId('x') }), root('x'), root('new')),
    retiring,
  ),
  counts(
    'a chain of more than ten',
    chain(
      leaf({ by: 'ca 1' }),
      ...Array.from({ length: 10 }, (_, index) =>
        ca(`ca ${index + 1}`, index === 9 ? newer : { by: `ca ${index + 2}` }),
      ),
    ),
    retiring,
  ),
  counts(
    'no chain of ten',
    chain(
      leaf({ by: 'ca 1' }),
      ...Array.from({ length: 9 }, (_, index) =>
        ca(`ca ${index + 1}`, index === 8 ? newer : { by: `ca ${index + 2}` }),
      ),
    ),
    settled,
  ),
  ...[
    Buffer.alloc(0),
    Buffer.from('3080', 'hex'),
    Buffer.alloc(20_000, 0x30),
    certificateDer({ subject: der(0x31), issuer: named('new') }),
    certificateDer({ subject: named('between'), issuer: der(0x31) }),
    ca('between', {
      by: 'new',
      key: extension(oid.authorityKeyIdentifier, false, Buffer.from('3005', 'hex')),
    }),
    Buffer.from('a'.repeat(40)),
  ].map((second, index) =>
    counts(`what cannot be read behind a leaf, form ${index + 1}`, chain(leaf(between), second), retiring),
  ),
  counts(
    'an admitted leaf whose own issuer cannot be read',
    chain(leaf({ by: 'new', key: extension(oid.authorityKeyIdentifier, false, Buffer.of(0x30)) })),
    retiring,
  ),
  counts(
    'no leaf without a version',
    chain(
      certificateDer({
        version: Buffer.alloc(0),
        issuer: named('new'),
        extensions: [keyUsage(true, 0xa0), san(true, uri(trustedSleep))],
      }),
    ),
    settled,
  ),
  counts('nobody who was refused', chain(leaf(older, stranger)), ['rejected']),
  counts('whom audit lets in with a root that is to go', chain(leaf(older)), ['would_reject', 'retiring'], {
    ...rotating,
    allow: [],
    settings: { ...rotating.settings, mode: 'audit' },
  }),
  {
    name: 'counts nobody as retiring whom a broken recheck keeps out',
    check: async (bench) => {
      await bench.setGroups({ ...rotating, settings: { ...rotating.settings, recheck: 'soon' } });
      assert.ok(!countedBy(await bench.call(chain(leaf(older)))).includes('retiring'));
    },
  },
];

/** What the rule counts in the statistics profile of its virtual server. */
export const countersCases: readonly ConformanceCase[] = [...aboutOutcomes, ...aboutRoots];
