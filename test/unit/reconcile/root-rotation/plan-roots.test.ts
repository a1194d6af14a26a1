import { strict as assert } from 'node:assert';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { MeshCa } from '../../../../src/demo/mesh-ca.js';
import { issueCertificate } from '../../../../src/pki/issue-certificate.js';
import { generateKeyPair } from '../../../../src/pki/key-pair.js';
import type { InstalledPair } from '../../../../src/reconcile/pair.js';
import { hasLostItsRoot, whyLeafStays } from '../../../../src/reconcile/root-rotation/leaf-move.js';
import { planRoots } from '../../../../src/reconcile/root-rotation/plan-roots.js';
import type { RootsInput, RootsPlan } from '../../../../src/reconcile/root-rotation/plan-roots.js';
import {
  isRootRecord,
  observedRoots,
  rootRecordObject,
} from '../../../../src/reconcile/root-rotation/root-record.js';
import type { RootRecord } from '../../../../src/reconcile/root-rotation/root-record.js';
import { certificateFingerprint } from '../../../../src/spiffe/svid.js';
import { TrustBundle } from '../../../../src/spiffe/trust-bundle.js';
import { ledgerKey } from '../../../../src/reconcile/ledger.js';

const hourMs = 3_600_000;
const start = new Date('2030-01-01T00:00:00Z');

describe('the plan of a root rotation', () => {
  let a: X509Certificate;
  let b: X509Certificate;
  /** Of a's name and key. */
  let reissuedA: X509Certificate;
  let now: Date;
  let keyOfA: { publicKey: KeyObject; privateKey: KeyObject };

  before(async () => {
    keyOfA = await generateKeyPair('ec-p256');
    a = selfSigned(keyOfA, 1);
    reissuedA = selfSigned(keyOfA, 2);
    b = (await MeshCa.create({ now: start, cluster: 'b' })).rootCertificate;
  });
  beforeEach(() => {
    now = start;
  });

  function selfSigned(key: { publicKey: KeyObject; privateKey: KeyObject }, years: number): X509Certificate {
    return issueCertificate(
      {
        subject: [{ type: 'organization', value: 'cluster.local' }],
        publicKey: key.publicKey,
        notBefore: new Date(start.getTime() - hourMs),
        notAfter: new Date(start.getTime() + years * 365 * 24 * hourMs),
        keyUsages: ['keyCertSign'],
        basicConstraints: { ca: true },
        hasSubjectKeyIdentifier: true,
      },
      { privateKey: key.privateKey },
    );
  }

  const published = (...certificates: X509Certificate[]): TrustBundle =>
    TrustBundle.of([{ origin: 'the ConfigMap', certificates, isPublished: true }]);
  const answered = (...certificates: X509Certificate[]): TrustBundle =>
    TrustBundle.of([{ origin: 'the mesh CA', certificates }]);
  const name = certificateFingerprint;

  function plan(input: Partial<RootsInput> & Pick<RootsInput, 'sources'>): RootsPlan {
    return planRoots({
      answered: undefined,
      known: [],
      removed: new Set(),
      leafRoots: new Map(),
      reading: undefined,
      isWhole: true,
      quietMs: 24 * hourMs,
      now,
      ...input,
    });
  }
  const stages = ({ records }: RootsPlan): Record<string, string> =>
    Object.fromEntries(records.map(({ fingerprint256, stage }) => [fingerprint256, stage]));
  const accept = (records: readonly RootRecord[]): RootRecord[] =>
    records.map((root) => (root.stage === 'added' ? { ...root, stage: 'accepted' } : root));

  /** A retiring root, looked at often enough. */
  function watch(
    known: readonly RootRecord[],
    input: Partial<RootsInput>,
    hours: number,
    count: (hour: number) => [number, number] = (hour) => [hour, 0],
  ): RootsPlan {
    let next = plan({ sources: published(b), known, ...input });
    for (let hour = 0; hour < hours; hour += 3) {
      now = new Date(now.getTime() + 3 * hourMs);
      const [admitted, retiring] = count(hour);
      const reading = { unit: 'one', services: new Map([['echo', { admitted, retiring }]]) };
      next = plan({ sources: published(b), known: next.records, reading, ...input });
      if (next.records.length < 2) return next;
    }
    return next;
  }
  const rotating = (): RootRecord[] => accept(plan({ sources: published(a, b) }).records);

  it('accepts what is there from the first apply on', () => {
    const first = plan({ sources: published(a) });
    assert.deepEqual(stages(first), { [name(a)]: 'accepted' });
    assert.equal(first.trustBundle.toPem(), published(a).toPem());
    assert.deepEqual(first.forRule.retiring, []);
  });

  it('adds a root as soon as a source names it, or the mesh CA alone', () => {
    const { records: known } = plan({ sources: published(a) });
    for (const input of [{ sources: published(a, b) }, { sources: published(a), answered: answered(a, b) }]) {
      const added = plan({ known, ...input });
      assert.deepEqual(stages(added), { [name(a)]: 'accepted', [name(b)]: 'added' });
      assert.equal(added.trustBundle.roots.length, 2);
    }
  });

  it('keeps what the mesh CA alone named until its next answer', () => {
    const { records: known } = plan({ sources: published(a) });
    const added = plan({ known, sources: published(a), answered: answered(b) });
    const later = plan({ known: added.records, sources: published(a) });
    assert.equal(stages(later)[name(b)], 'added');
    const taken = plan({ known: later.records, sources: published(a), answered: answered(a) });
    assert.equal(stages(taken)[name(b)], 'retiring');
    assert.equal(taken.trustBundle.roots.length, 2);
  });

  it('keeps a root that nobody names any more, and lets the rule count', () => {
    const next = plan({ sources: published(b), known: rotating() });
    assert.deepEqual(stages(next), { [name(a)]: 'retiring', [name(b)]: 'accepted' });
    assert.equal(next.trustBundle.roots.length, 2);
    assert.equal(next.forRule.retiring.length, 1);
    assert.equal(next.forRule.staying.length, 1);
  });

  it('removes it on evidence', () => {
    const last = watch(rotating(), {}, 30);
    assert.deepEqual(stages(last), { [name(b)]: 'accepted' });
    assert.equal(last.states.find(({ sha256 }) => sha256 === name(a))?.stage, 'removed');
    assert.equal(last.trustBundle.toPem(), published(b).toPem());
  });

  for (const [what, input, count] of [
    ['time goes by and counters are unknown', { reading: undefined }, undefined],
    ['a caller needs it each day', {}, (hour: number) => [hour, Math.floor(hour / 20)]],
    ['nobody calls at all', {}, () => [0, 0]],
    ['a service is not as it should be', { isWhole: false }, undefined],
  ] as const) {
    it(`keeps it while ${what}`, () => {
      const last = watch(rotating(), input, 50, count as ((hour: number) => [number, number]) | undefined);
      assert.equal(stages(last)[name(a)], 'retiring');
      assert.equal(last.trustBundle.roots.length, 2);
    });
  }

  it('keeps it while a certificate of the device is under it', () => {
    const leafRoots = new Map([['echo', name(a)]]);
    const last = watch(rotating(), { leafRoots }, 30);
    assert.equal(stages(last)[name(a)], 'retiring');
    assert.match(
      last.states.find(({ sha256 }) => sha256 === name(a))?.sentence ?? '',
      /the certificate of echo is still under it/,
    );
  });

  it('takes back a root that is named again, and proves it anew', () => {
    const { records: known } = plan({ sources: published(b), known: rotating() });
    const again = plan({ sources: published(a, b), known });
    assert.equal(stages(again)[name(a)], 'added');
    assert.equal(again.records.find(({ fingerprint256 }) => fingerprint256 === name(a))?.evidence, undefined);
  });

  it('replaces a root by one of the same name and key once that is proven, and not before', () => {
    const { records: known } = plan({ sources: published(a) });
    const added = plan({ known, sources: published(reissuedA) });
    assert.deepEqual(stages(added), { [name(a)]: 'retiring', [name(reissuedA)]: 'added' });
    const replaced = plan({ known: accept(added.records), sources: published(reissuedA) });
    assert.deepEqual(stages(replaced), { [name(reissuedA)]: 'accepted' });
  });

  it('removes at once what the operator says, and does not let it in again', () => {
    const removed = new Set([name(a)]);
    const next = plan({ sources: published(a, b), known: rotating(), removed });
    assert.deepEqual(stages(next), { [name(b)]: 'accepted' });
    assert.equal(next.trustBundle.toPem(), published(b).toPem());
    assert.deepEqual(stages(plan({ sources: published(a, b), known: next.records, removed })), stages(next));
  });

  it('refuses to leave a device without a root', () => {
    assert.throws(() => plan({ sources: published(a), removed: new Set([name(a)]) }), {
      code: 'MESH_ERR_ROOTS_MISSING',
      message: /is in identity\.rootRotation\.remove/,
    });
  });

  it('does not add a root that has expired, and does not remove one because it has', () => {
    const known = rotating();
    now = new Date(start.getTime() + 366 * 24 * hourMs);
    const fresh = plan({ sources: published(a, b), known: known.filter((root) => root.certificate === b) });
    assert.equal(fresh.states.find(({ sha256 }) => sha256 === name(a))?.stage, 'expired');
    assert.deepEqual(stages(fresh), { [name(b)]: 'accepted' });
    assert.equal(stages(plan({ sources: published(a, b), known }))[name(a)], 'accepted');
  });

  describe('as the device remembers it', () => {
    const observe = (known: readonly RootRecord[]) => {
      const objects = known
        .map(rootRecordObject)
        .map(({ kind, name: of, members }) => ({ kind, name: of, members }));
      const ledger = new Map(
        known.map((root) => {
          const { kind, name: of, facts = {} } = rootRecordObject(root);
          return [ledgerKey(kind, of), { kind, name: of, facts }];
        }),
      );
      return { objects, ledger };
    };

    it('goes on in every state after a restart', () => {
      const retiring = watch(rotating(), {}, 3).records;
      const known = [...retiring, ...plan({ sources: published(reissuedA), known: retiring }).records].filter(
        ({ fingerprint256 }, index, all) =>
          all.findIndex((other) => other.fingerprint256 === fingerprint256) === index,
      );
      assert.deepEqual(new Set(known.map(({ stage }) => stage)), new Set(['accepted', 'retiring', 'added']));
      const observed = observe(known);
      assert.ok(observed.objects.every(isRootRecord));
      const again = observedRoots(observed);
      assert.deepEqual(again.map(rootRecordObject), observedRoots(observed).map(rootRecordObject));
      assert.deepEqual(
        again.map((root) => rootRecordObject(root)).toSorted((x, y) => (x.name < y.name ? -1 : 1)),
        known.map((root) => rootRecordObject(root)).toSorted((x, y) => (x.name < y.name ? -1 : 1)),
      );
    });

    it('is an error where a record is gone or broken, and not a root less', () => {
      const { objects, ledger } = observe(rotating());
      const [first, ...rest] = objects;
      assert.ok(first);
      const gone = { objects: rest, ledger };
      assert.throws(() => observedRoots(gone), { code: 'MESH_ERR_ROOT_RECORD', message: /is gone/ });
      const records = (first.members['records'] as { name: string; data: string }[]).map((record) =>
        record.name === 'der' ? { ...record, data: 'AAAA' } : record,
      );
      const changed = { ...first, members: { ...first.members, records } };
      assert.throws(() => observedRoots({ objects: [changed, ...rest], ledger }), {
        code: 'MESH_ERR_ROOT_RECORD',
        message: /changed by hand/,
      });
      const [root] = observedRoots({ objects, ledger });
      assert.ok(root);
      assert.equal(observedRoots(gone, new Set([root.fingerprint256])).length, 1);
    });

    it('does not take the certificate of one root for that of another', () => {
      const { objects, ledger } = observe(rotating());
      const [first, second] = objects;
      assert.ok(first && second);
      const swapped = [
        { ...first, members: second.members },
        { ...second, members: first.members },
      ];
      assert.throws(() => observedRoots({ objects: swapped, ledger }), { code: 'MESH_ERR_ROOT_RECORD' });
    });
  });

  describe('and the certificate of the device', () => {
    const served = (root: X509Certificate, options: Partial<InstalledPair> = {}): InstalledPair => ({
      pair: { certName: '', keyName: '', cert: 'kept', key: 'kept', chain: undefined, facts: {} },
      spiffeId: '',
      notBefore: start,
      notAfter: new Date(start.getTime() + 24 * hourMs),
      fingerprint256: '',
      rootFingerprint256: name(root),
      wasPublished: true,
      ...options,
    });
    const move = (options: Partial<Parameters<typeof whyLeafStays>[0]>): string | undefined =>
      whyLeafStays({
        root: name(b),
        sources: published(a, b),
        known: rotating(),
        served: served(a),
        now,
        ...options,
      });

    it('moves to a root that is published and proven', () => {
      assert.equal(move({}), undefined);
    });

    it('stays while the mesh does not publish the root, though the CA or the config file names it', () => {
      const extra = TrustBundle.of([
        { origin: 'ConfigMap', certificates: [a], isPublished: true },
        { origin: 'roots.pem', certificates: [b] },
      ]);
      for (const sources of [published(a), extra]) assert.match(move({ sources }) ?? '', /does not publish/);
      assert.match(move({ sources: published(a), served: undefined }) ?? '', /does not publish/);
      assert.equal(move({ sources: extra, served: undefined }), undefined, 'nothing better is served');
    });

    it('waits for the proof, but not until it expires or nobody trusts it', () => {
      const known = plan({
        sources: published(a, b),
        known: rotating().filter((root) => root.certificate === a),
      });
      assert.match(move({ known: known.records }) ?? '', /not proven/);
      assert.equal(move({ known: known.records, sources: published(b) }), undefined);
      assert.equal(move({ known: known.records, now: new Date(start.getTime() + 20 * hourMs) }), undefined);
    });

    it('is renewed under its own root, and where the mesh took that away only before it expires', () => {
      assert.equal(move({ root: name(a) }), undefined);
      assert.match(move({ root: name(a), sources: published(b) }) ?? '', /still signs under/);
      const late = new Date(start.getTime() + 20 * hourMs);
      assert.equal(move({ root: name(a), sources: published(b), now: late }), undefined);
    });

    it('has lost its root when the mesh took that away', () => {
      assert.equal(hasLostItsRoot(served(a), published(a, b)), false);
      assert.equal(hasLostItsRoot(served(a), published(b)), true);
      const extra = TrustBundle.of([{ origin: 'roots.pem', certificates: [a] }]);
      assert.equal(hasLostItsRoot(served(a), extra), true);
      assert.equal(hasLostItsRoot(served(a, { wasPublished: false }), extra), false);
    });
  });
});
