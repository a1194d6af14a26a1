import { strict as assert } from 'node:assert';
import { changeSet } from '../../../src/reconcile/change-set.js';
import type { DesiredObject, Members, ObservedObject } from '../../../src/reconcile/device-object.js';
import { parseLedger } from '../../../src/reconcile/ledger.js';
import type { ObservedDevice } from '../../../src/reconcile/observed.js';
import { isEmptyPlan, planDevice } from '../../../src/reconcile/plan.js';
import { Secret } from '../../../src/secret.js';

const owned = { description: 'bigip-mesh-agent service=echo' };

function observed(
  objects: readonly ObservedObject[],
  overrides: Partial<ObservedDevice> = {},
): ObservedDevice {
  const records = objects.map(({ kind, name }) => ({ name: `${kind}:${name}`, data: 'owned' }));
  return {
    tmosVersion: '17.1.0.1',
    partitionExists: true,
    objects,
    ledger: parseLedger(records),
    epoch: 7,
    ...overrides,
  };
}

const pool: DesiredObject = {
  kind: 'ltm/pool',
  name: 'echo_pool',
  members: { ...owned, monitor: '/Common/tcp', members: [{ name: '/mesh/10.1.20.5:9000' }] },
};
const seenPool = (members: Members = {}): ObservedObject => ({
  kind: 'ltm/pool',
  name: 'echo_pool',
  members: {
    ...owned,
    monitor: '/Common/tcp ',
    membersReference: {
      isSubcollection: true,
      items: [{ name: '/mesh/10.1.20.5:9000', address: '10.1.20.5', state: 'up' }],
    },
    loadBalancingMode: 'round-robin',
    ...members,
  },
});
const allow = (...names: string[]): DesiredObject => ({
  kind: 'ltm/data-group/internal',
  name: 'echo_allow',
  members: { ...owned, type: 'string', records: names.map((name) => ({ name, data: 'allow' })) },
});
const seenAllow = (...names: string[]): ObservedObject => ({
  kind: 'ltm/data-group/internal',
  name: 'echo_allow',
  members: {
    ...owned,
    type: 'string',
    ...(names.length > 0 ? { records: names.map((name) => ({ name, data: 'allow' })) } : {}),
  },
});
const certificate: DesiredObject = {
  kind: 'sys/file/ssl-cert',
  name: 'echo_0123456789ab.crt',
  members: owned,
  file: { pem: new Secret('PEM'), checksum: 'SHA1:3:aa' },
};
const sleep = 'spiffe://cluster.local/ns/trusted/sa/sleep';
const other = 'spiffe://cluster.local/ns/default/sa/default';

describe('the plan', () => {
  it('is empty when the device has what is desired, in its own spelling', () => {
    const plan = planDevice([pool, allow(sleep)], observed([seenAllow(sleep), seenPool()]));
    assert.ok(isEmptyPlan(plan), JSON.stringify(plan.changes));
  });

  it('creates what is absent, and what is referred to before what refers to it', () => {
    const plan = planDevice([pool, allow(sleep), certificate], observed([]));
    assert.deepEqual(
      plan.changes.map(({ action, object }) => `${action} ${object.kind}`),
      ['create sys/file/ssl-cert', 'create ltm/data-group/internal', 'create ltm/pool'],
    );
  });

  it('modifies only the members that differ', () => {
    const [change] = planDevice([pool], observed([seenPool({ monitor: '/Common/http' })])).changes;
    assert.ok(change?.action === 'modify');
    assert.deepEqual(change.members, ['monitor']);
  });

  it('says in words which callers come and go', () => {
    const [change] = planDevice([allow(sleep)], observed([seenAllow(other)])).changes;
    assert.deepEqual(change?.details, [`+ ${sleep} = allow`, `- ${other}`]);
  });

  it('sends a file again when its checksum on the device is another', () => {
    const seen: ObservedObject = {
      kind: certificate.kind,
      name: certificate.name,
      members: { ...owned, checksum: 'SHA1:3:bb' },
    };
    const [change] = planDevice([certificate], observed([seen])).changes;
    assert.ok(change?.action === 'modify');
    assert.deepEqual(change.members, ['checksum']);
  });

  it('is blocked by an object that somebody else made', () => {
    const plan = planDevice([pool], observed([seenPool({ description: 'web team' })]));
    assert.deepEqual(plan.changes, []);
    assert.deepEqual(plan.blockers, [
      { kind: 'ltm/pool', name: 'echo_pool', reason: 'was not made by the agent' },
    ]);
  });

  it('is not fooled by a description that only starts like our mark', () => {
    const plan = planDevice([pool], observed([seenPool({ description: 'bigip-mesh-agents are great' })]));
    assert.equal(plan.blockers.length, 1);
  });

  it('removes what is ours, in the ledger, and not desired', () => {
    const [change] = planDevice([], observed([seenPool()])).changes;
    assert.equal(change?.action, 'remove');
  });

  it('removes in the opposite order: what refers goes before what it refers to', () => {
    const seenCertificate: ObservedObject = {
      kind: certificate.kind,
      name: certificate.name,
      members: owned,
    };
    const plan = planDevice([], observed([seenCertificate, seenPool(), seenAllow()]));
    assert.deepEqual(
      plan.changes.map(({ object }) => object.kind),
      ['ltm/pool', 'ltm/data-group/internal', 'sys/file/ssl-cert'],
    );
  });

  it('never removes what carries our mark but is not in the ledger', () => {
    const plan = planDevice([], observed([seenPool()], { ledger: new Map() }));
    assert.deepEqual(plan.changes, []);
  });

  it('never removes what is in the ledger but no longer carries our mark', () => {
    const plan = planDevice([], observed([seenPool({ description: 'taken over' })]));
    assert.deepEqual(plan.changes, []);
  });

  it('never removes anything when there is no ledger', () => {
    const plan = planDevice([], observed([seenPool()], { ledger: undefined }));
    assert.deepEqual(plan.changes, []);
  });

  it('refuses to go on with a kept certificate that is gone', () => {
    const plan = planDevice([{ ...certificate, file: 'kept' }], observed([]));
    assert.equal(plan.blockers.length, 1);
  });
});

describe('the change set', () => {
  const commands = (desired: readonly DesiredObject[], device: ObservedDevice) =>
    changeSet(planDevice(desired, device), { partition: 'mesh', holder: 'agent-1' }).map(
      ({ command }) => command,
    );
  const dataGroups = '/mgmt/tm/ltm/data-group/internal';

  it('starts with the fence: the record of the old epoch is deleted and that of the next added', () => {
    const [first, second] = commands([pool], observed([]));
    const ledger = `${dataGroups}/~mesh~bigip_mesh_ledger`;
    assert.equal(first?.method, 'PATCH');
    assert.equal(decodeURIComponent(first.path), `${ledger}?options=records delete { epoch:7 }`);
    assert.equal(second?.method, 'PATCH');
    assert.equal(
      decodeURIComponent(second.path),
      `${ledger}?options=records add { epoch:8 { data agent-1 } ltm/pool:echo_pool { data owned } }`,
    );
  });

  it('makes the ledger the first time, so two first writers collide on it', () => {
    const [first] = commands([pool], observed([], { epoch: 0, ledger: undefined }));
    assert.equal(first?.method, 'POST');
    assert.equal(first.body?.['name'], 'bigip_mesh_ledger');
    assert.deepEqual(first.body?.['records'], [
      { name: 'epoch:1', data: 'agent-1' },
      { name: 'ltm/pool:echo_pool', data: 'owned' },
    ]);
  });

  it('has the fence also where the ledger is sent as a whole', () => {
    const many = Array.from({ length: 60 }, (_, index) => ({ ...pool, name: `pool_${index}` }));
    const [first, second, third] = commands(many, observed([seenAllow()]));
    assert.match(decodeURIComponent(first?.path ?? ''), /records delete \{ epoch:7 \}$/);
    const records = (second?.body?.['records'] ?? []) as ReadonlyArray<{ readonly name: string }>;
    assert.deepEqual(records[0], { name: 'epoch:8', data: 'agent-1' });
    assert.equal(records.length, 1 + many.length);
    assert.equal(third?.method, 'POST');
  });

  it('writes facts that are noted into the entry of an object that stays', () => {
    const device = observed([seenPool()]);
    const entry = { kind: 'ltm/pool', name: 'echo_pool', facts: { failures: '2' } } as const;
    const plan = { ...planDevice([pool], device), noted: [entry] };
    const paths = changeSet(plan, { partition: 'mesh', holder: 'agent-1' }).map(({ command }) =>
      decodeURIComponent(command.path).replace(/.*options=/, ''),
    );
    assert.deepEqual(paths, [
      'records delete { epoch:7 }',
      'records modify { ltm/pool:echo_pool { data failures=2 } }',
      'records add { epoch:8 { data agent-1 } }',
    ]);
  });

  it('edits single records of a data group instead of sending the list again', () => {
    const [, , edit] = commands([allow(sleep)], observed([seenAllow(sleep, other)]));
    assert.equal(edit?.method, 'PATCH');
    assert.equal(
      decodeURIComponent(edit.path),
      `${dataGroups}/~mesh~echo_allow?options=records delete { ${other} }`,
    );
  });

  it('sends the whole list when a record needs characters that a device may read as a pattern', () => {
    const pattern = 'spiffe://cluster.local/ns/batch/sa/*';
    const [, , edit] = commands([allow(sleep, pattern)], observed([seenAllow(sleep)]));
    assert.equal(edit?.path, `${dataGroups}/~mesh~echo_allow`);
    assert.deepEqual(edit.body?.['records'], [
      { name: sleep, data: 'allow' },
      { name: pattern, data: 'allow' },
    ]);
  });

  it('is three commands for an allowlist edit', () => {
    assert.equal(commands([allow(sleep, other)], observed([seenAllow(sleep)])).length, 3);
  });

  it('writes what it makes into the ledger, and takes out what it removes', () => {
    assert.deepEqual(
      commands([pool], observed([seenAllow()])).map(
        ({ method, path }) => `${method} ${decodeURIComponent(path)}`,
      ),
      [
        `PATCH ${dataGroups}/~mesh~bigip_mesh_ledger?options=records delete { epoch:7 ltm/data-group/internal:echo_allow }`,
        `PATCH ${dataGroups}/~mesh~bigip_mesh_ledger?options=records add { epoch:8 { data agent-1 } ltm/pool:echo_pool { data owned } }`,
        'POST /mgmt/tm/ltm/pool',
        `DELETE ${dataGroups}/~mesh~echo_allow`,
      ],
    );
  });

  it('remembers what the device cannot tell about a certificate', () => {
    const withFacts = { ...certificate, facts: { minted: '1', id: sleep } };
    const [ledger] = commands([withFacts], observed([], { epoch: 0, ledger: undefined }));
    const records = (ledger?.body?.['records'] ?? []) as Array<{ name: string; data: string }>;
    assert.deepEqual(records.slice(1), [
      { name: 'sys/file/ssl-cert:echo_0123456789ab.crt', data: `id=${sleep}+minted=1` },
    ]);
    assert.deepEqual(parseLedger(records).get('sys/file/ssl-cert:echo_0123456789ab.crt')?.facts, {
      minted: '1',
      id: sleep,
    });
  });
});
