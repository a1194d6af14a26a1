import { strict as assert } from 'node:assert';
import type { X509Certificate } from 'node:crypto';

import { AgentError } from '../../../src/errors.js';
import { parseRevocationListsPem } from '../../../src/pki/certificate-revocation-list.js';
import type { DesiredObject, ObservedObject } from '../../../src/reconcile/device-object.js';
import { ledgerKey } from '../../../src/reconcile/ledger.js';
import type { Ledger } from '../../../src/reconcile/ledger.js';
import { planDevice } from '../../../src/reconcile/plan.js';
import { keepRetiredFiles, retentionMs } from '../../../src/reconcile/retirement.js';
import { RevocationMemory } from '../../../src/reconcile/revocation/revocation-memory.js';
import { planRevocation } from '../../../src/reconcile/revocation/plan-revocation.js';
import type { RevocationInput, RevocationPlan } from '../../../src/reconcile/revocation/plan-revocation.js';
import {
  certainRevocationFiles,
  installedRevocation,
  revocationFileObject,
} from '../../../src/reconcile/revocation/revocation-file.js';
import type {
  InstalledRevocation,
  RevocationFile,
} from '../../../src/reconcile/revocation/revocation-file.js';
import { RevokingCa } from '../../support/revoking-ca.js';

const now = new Date('2026-03-01T12:00:00Z');
const origin = 'ConfigMap istio-system/istio-ca-crl, key ca-crl.pem';
const partition = 'mesh';
const hour = (number: number): Date => new Date(now.getTime() + number * 3_600_000);

/** What the device holds after files were brought, one after the other. */
function holding(files: readonly RevocationFile[], crlFile = files.at(-1)?.name) {
  const ledger: Ledger = new Map(
    files.map(({ name, facts }) => [
      ledgerKey('sys/file/ssl-crl', name),
      { kind: 'sys/file/ssl-crl' as const, name, facts },
    ]),
  );
  const observed = ({ kind, name, members, facts }: DesiredObject): ObservedObject => ({
    kind,
    name,
    members: { ...members, checksum: facts?.['checksum'] },
  });
  const profile: ObservedObject = {
    kind: 'ltm/profile/client-ssl',
    name: 'echo_clientssl',
    members: { description: 'bigip-mesh-agent service=echo', crlFile: `/mesh/${crlFile}` },
  };
  return { objects: [...files.map((file) => observed(revocationFileObject(file))), profile], ledger };
}

describe('the plan for the CRLs of a device', () => {
  let ca: RevokingCa;
  before(async () => {
    ca = await RevokingCa.create(now);
  });

  function plan(
    pem: string | RevocationInput['published'],
    changes: Partial<RevocationInput> = {},
  ): RevocationPlan {
    return planRevocation({
      published: typeof pem === 'string' ? { origin, pem } : pem,
      parse: parseRevocationListsPem,
      installed: undefined,
      roots: [ca.root.certificate],
      intermediates: [ca.intermediate.certificate],
      ownIntermediates: [ca.intermediate.certificate],
      ownRoots: [ca.root.certificate],
      epoch: 7,
      now,
      ...changes,
    });
  }

  const texts = new Map<number, string>();
  /** The lists of both CAs, the same text for the same hour: each signature is another one. */
  function both(at = hour(-1)): string {
    const text =
      texts.get(at.getTime()) ??
      ca.listPem('root', { thisUpdate: at }) + ca.listPem('intermediate', { thisUpdate: at });
    texts.set(at.getTime(), text);
    return text;
  }

  function installed(pem = both()): InstalledRevocation {
    const { file } = plan(pem);
    assert.ok(file);
    const found = installedRevocation(holding([file]), partition);
    assert.ok(found);
    return found;
  }

  const codes = ({ state }: RevocationPlan): string[] =>
    [...state.refusals, ...state.warnings].map(({ code }) => code);

  it('is none, and nothing to tell, while the mesh publishes none', () => {
    for (const published of [undefined, '']) assert.deepEqual(codes(plan(published)), []);
    assert.equal(plan(undefined).file, undefined);
  });

  it('does not depend on the order of the lists', () => {
    const root = ca.listPem('root', { thisUpdate: hour(-1) });
    const intermediate = ca.listPem('intermediate', { thisUpdate: hour(-1) });
    const name = plan(root + intermediate).file?.name;
    assert.match(name ?? '', /^ca_crl_[0-9a-f]{12}\.crl$/);
    assert.equal(plan(intermediate + root).file?.name, name);
    assert.equal(plan(root + intermediate + root).file?.name, name);
  });

  it('has the newest list of a CA only', () => {
    const [older, newer] = [both(hour(-2)), both(hour(-1))];
    assert.equal(plan(newer + older).file?.name, plan(newer).file?.name);
    assert.equal(plan(newer + older).state.lists.length, 2);
  });

  it('does not verify again what it brought', () => {
    const pem = both();
    const again = plan(pem, { installed: installed(pem), roots: [], intermediates: [], now: hour(1) });
    assert.deepEqual(again.file?.facts, installed(pem).facts);
    assert.deepEqual(again.state.refusals, []);
  });

  it('goes when the ConfigMap is gone for certain, and stays while that is unknown', () => {
    assert.equal(plan(undefined, { installed: installed() }).file, undefined);
    const unread = new AgentError('MESH_ERR_CRL_UNKNOWN', 'away', 'wait');
    const { file } = plan(unread, { installed: installed() });
    assert.equal(file?.name, installed().name);
    assert.equal(file.file, 'kept');
    assert.deepEqual(codes(plan(unread)), ['MESH_ERR_CRL_UNKNOWN']);
  });

  it('stays where a text is empty or broken', () => {
    for (const pem of ['', 'junk', '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n']) {
      const planned = plan(pem, { installed: installed() });
      assert.equal(planned.file?.name, installed().name);
      assert.deepEqual(codes(planned), ['MESH_ERR_CRL_REFUSED']);
    }
  });

  it('has no list of an intermediate that leads to no root of the device', async () => {
    const stranger = await RevokingCa.create(now, 'stranger');
    const pem = stranger.listPem('intermediate');
    const planned = plan(pem, { intermediates: [stranger.intermediate.certificate] });
    assert.equal(planned.file, undefined);
    assert.match(planned.state.refusals.join(), /is of a CA that is not known/);
    assert.equal(planned.isIssuerUnknown, true);
  });

  it('takes the rest of a text for which it knows that nobody is left out, and nothing where it does not know', async () => {
    const stranger = await RevokingCa.create(now, 'stranger');
    const pem = both() + stranger.listPem('root');
    assert.equal(plan(pem).file?.name, plan(both()).file?.name);
    assert.equal(plan(pem, { ownIntermediates: undefined }).file, undefined);
  });

  it('does not go back to an older list', () => {
    const planned = plan(both(hour(-2)), { installed: installed(both(hour(-1))) });
    assert.match(planned.state.refusals.join(), /is older than the one in force/);
    assert.equal(planned.file?.name, installed(both(hour(-1))).name);
  });

  it('drops the list of a CA that a genuine text has no more', () => {
    const root = ca.listPem('root', { thisUpdate: hour(0) });
    const planned = plan(root, { installed: installed(), ownIntermediates: [] });
    assert.deepEqual(
      planned.state.lists.map(({ issuer }) => issuer),
      ['CN=revoking root'],
    );
  });

  it('tells of a CA without a list, and brings those that there are', () => {
    const planned = plan(ca.listPem('intermediate', { thisUpdate: hour(-1) }));
    assert.deepEqual(codes(planned), ['MESH_ERR_CRL_INCOMPLETE']);
    assert.match(planned.state.warnings.join(), /CN=revoking root/);
    assert.ok(planned.file);
  });

  it('tells of a list that has expired, also when its text cannot be read any more', () => {
    const pem = both(hour(-30));
    for (const published of [pem, 'junk']) {
      const planned = plan(published, { installed: installed(pem) });
      assert.ok(codes(planned).includes('MESH_ERR_CRL_EXPIRED'));
      assert.equal(planned.file?.name, installed(pem).name);
      assert.deepEqual(planned.state.nextUpdate, hour(-6));
    }
  });

  describe('with what the device holds', () => {
    let files: RevocationFile[];
    before(() => {
      files = [1, 2].map((epoch) => {
        const { file } = plan(both(hour(epoch - 3)), { epoch });
        assert.ok(file);
        return file;
      });
    });

    it('knows the file that profiles use, and without one the last that was brought', () => {
      const [first, second] = files;
      assert.equal(installedRevocation(holding(files, first?.name), partition)?.name, first?.name);
      assert.equal(installedRevocation(holding(files, 'none'), partition)?.name, second?.name);
    });

    it('does not take a file for its own that the ledger does not list, or that has no mark', () => {
      const { objects, ledger } = holding(files.slice(0, 1));
      assert.equal(installedRevocation({ objects, ledger: new Map() }, partition), undefined);
      const foreign = objects.map((object) => ({ ...object, members: {} }));
      assert.equal(installedRevocation({ objects: foreign, ledger }, partition), undefined);
    });

    it('looks at the device only where ledger and profiles do not tell', () => {
      const certain = (held: ReturnType<typeof holding>, ledger: Ledger | undefined = held.ledger) =>
        certainRevocationFiles({ partition, ledger, clientSslProfiles: held.objects });
      assert.deepEqual(certain(holding([])), []);
      const one = holding(files.slice(1));
      const [observed] = certain(one) ?? [];
      assert.equal(observed?.members['checksum'], files[1]?.facts['checksum']);
      assert.equal(certain(holding(files)), undefined, 'a replaced one is not used by any profile');
      assert.equal(certain(holding(files.slice(1), 'none')), undefined);
      assert.equal(
        certainRevocationFiles({ partition, ledger: undefined, clientSslProfiles: [] }),
        undefined,
      );
    });

    it('keeps a replaced file for a while, and then removes it', () => {
      const [, second] = files;
      assert.ok(second);
      const held = { ...holding(files), tmosVersion: '16.1', partitionExists: true, epoch: 2 };
      const removed = (at: Date) =>
        keepRetiredFiles(planDevice([revocationFileObject(second)], held), [], at, second).changes.filter(
          ({ object }) => object.kind === 'sys/file/ssl-crl',
        );
      assert.deepEqual(removed(new Date(now.getTime() + retentionMs - 1)), []);
      assert.deepEqual(
        removed(new Date(now.getTime() + retentionMs)).map(
          ({ action, object }) => `${action} ${object.name}`,
        ),
        [`remove ${files[0]?.name}`],
      );
    });
  });
});

describe('what a process remembers for CRLs', () => {
  it('is the intermediates of every certificate, and those of the last apart', async () => {
    const ca = await RevokingCa.create(now);
    const next = await ca.withNewIntermediate('next');
    const svids = [await ca.mint('spiffe://td/a'), await next.mint('spiffe://td/a')];
    const heard = new RevocationMemory();
    assert.equal(heard.latest, undefined);
    const source = heard.listen({
      name: 'test',
      canImpersonate: false,
      mintsKeys: true,
      fetchTrustBundle: () => Promise.reject(new Error('not asked')),
      fetchSvid: () => {
        const svid = svids.shift();
        const trustBundle = undefined as never;
        return svid === undefined
          ? Promise.reject(new Error('no more'))
          : Promise.resolve({ svid, trustBundle });
      },
    });
    const request = { spiffeId: undefined as never, ttlMs: 1, keyType: 'ec-p256' } as const;
    for (let count = 0; count < 2; count += 1) await source.fetchSvid(request, new AbortController().signal);
    const raw = (certificates: readonly X509Certificate[] = []) => certificates.map(String);
    assert.deepEqual(raw(heard.all), raw([ca.intermediate.certificate, next.intermediate.certificate]));
    assert.deepEqual(raw(heard.latest), raw([next.intermediate.certificate]));
  });

  it('lets them be asked for once a text', () => {
    const heard = new RevocationMemory();
    assert.deepEqual(
      ['one', 'one', 'two', 'two'].map((text) => heard.mayAskFor(text)),
      [true, false, true, false],
    );
    heard.askAgain();
    assert.ok(heard.mayAskFor('two'), 'nobody answered');
  });
});
