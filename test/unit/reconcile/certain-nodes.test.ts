import { strict as assert } from 'node:assert';
import { certainNodes, nodeObject } from '../../../src/reconcile/certain-nodes.js';
import type { ObservedObject } from '../../../src/reconcile/device-object.js';
import { parseLedger } from '../../../src/reconcile/ledger.js';

describe('the nodes that need no look', () => {
  const pool = (...members: ReadonlyArray<readonly [fullPath: string, address: string]>): ObservedObject => ({
    kind: 'ltm/pool',
    name: 'echo',
    members: { membersReference: { items: members.map(([fullPath, address]) => ({ fullPath, address })) } },
  });
  const ledgerOf = (...names: readonly string[]) =>
    parseLedger(names.map((name) => ({ name: `ltm/node:${name}`, data: 'owned' })));
  const backend = { address: '192.0.2.30', port: 9000 };
  const evidence = {
    partition: 'mesh',
    services: [{ backends: [backend] }],
    ledger: ledgerOf('192.0.2.30'),
    pools: [pool(['/mesh/192.0.2.30:9000', '192.0.2.30'])],
  };

  it('are those that the ledger lists and a pool member stands on, each one time', () => {
    const { kind, name, members } = nodeObject('192.0.2.30');
    const services = [...evidence.services, ...evidence.services];
    assert.deepEqual(certainNodes({ ...evidence, services }), [{ kind, name, members }]);
  });

  it('have addresses of IPv6, whose members end in a dot and the port', () => {
    const nodes = certainNodes({
      partition: 'mesh',
      services: [{ backends: [{ address: '2001:db8::1', port: 9000 }] }],
      ledger: ledgerOf('2001:db8::1'),
      pools: [pool(['/mesh/2001:db8::1.9000', '2001:db8::1'])],
    });
    assert.deepEqual(
      nodes?.map(({ name }) => name),
      ['2001:db8::1'],
    );
  });

  for (const [name, doubt] of [
    ['is not in the ledger', { ledger: ledgerOf() }],
    ['is stood on by nobody', { pools: [pool()] }],
    ['has its member in another folder only', { pools: [pool(['/Common/192.0.2.30:9000', '192.0.2.30'])] }],
    [
      'has a member of its name that leads elsewhere',
      { pools: [pool(['/mesh/192.0.2.30:9000', '192.0.2.31'])] },
    ],
    ['belongs to a service that is no more', { ledger: ledgerOf('192.0.2.30', '192.0.2.31') }],
    [
      'belongs to a service that is new',
      { services: [{ backends: [backend, { address: '192.0.2.31', port: 1 }] }] },
    ],
  ] as const) {
    it(`are in doubt, all of them, while one ${name}`, () => {
      assert.equal(certainNodes({ ...evidence, ...doubt }), undefined);
    });
  }

  it('are in doubt before there is a ledger, and while pools tell nothing', () => {
    assert.equal(certainNodes({ ...evidence, ledger: undefined }), undefined);
    const mute = { kind: 'ltm/pool', name: 'echo', members: {} } as const;
    assert.equal(certainNodes({ ...evidence, pools: [mute] }), undefined);
  });
});
