import { strict as assert } from 'node:assert';

import type { DesiredObject, DeviceKind, ObservedObject } from '../../../src/reconcile/device-object.js';
import { parseLedger } from '../../../src/reconcile/ledger.js';
import { keepLeftOut, onlyAllowlists } from '../../../src/reconcile/left-out.js';
import { planDevice } from '../../../src/reconcile/plan.js';
import type { ObservedDevice } from '../../../src/reconcile/observed.js';

const mark = (service?: string) => ({
  description: service === undefined ? 'bigip-mesh-agent' : `bigip-mesh-agent service=${service}`,
});
const dataGroup = 'ltm/data-group/internal';

function observed(...objects: ObservedObject[]): ObservedDevice {
  const records = objects.map(({ kind, name }) => ({ name: `${kind}:${name}`, data: 'owned' }));
  const ledger = parseLedger(records);
  return { tmosVersion: '17.1.0.1', partitionExists: true, objects, ledger, epoch: 7 };
}
const seen = (kind: DeviceKind, name: string, service?: string): ObservedObject => ({
  kind,
  name,
  members: mark(service),
});
const names = ({
  changes,
}: {
  readonly changes: readonly { readonly object: { readonly name: string } }[];
}) => changes.map(({ object }) => object.name);

describe('a plan that leaves services out', () => {
  const device = observed(
    seen('ltm/virtual', 'echo', 'echo'),
    seen('ltm/pool', 'ping_pool', 'ping'),
    seen('ltm/pool', 'gone_pool', 'gone'),
    seen('ltm/node', '10.0.0.1'),
  );
  const plan = planDevice([], device);

  it('would remove everything that is not desired', () => {
    assert.deepEqual(names(plan), ['echo', 'gone_pool', 'ping_pool', '10.0.0.1']);
  });

  it('keeps what they have, and what services share', () => {
    assert.deepEqual(names(keepLeftOut(plan, device, new Set(['echo', 'ping']))), ['gone_pool']);
  });

  it('is the plan itself when none is left out', () => {
    assert.equal(keepLeftOut(plan, device, new Set()), plan);
  });
});

describe('a plan of allowlists only', () => {
  const allow = (records: readonly string[]): DesiredObject => ({
    kind: dataGroup,
    name: 'echo_allow',
    members: { ...mark('echo'), type: 'string', records: records.map((name) => ({ name, data: 'allow' })) },
  });
  const pool: DesiredObject = { kind: 'ltm/pool', name: 'echo_pool', members: mark('echo') };
  const device = observed(
    { ...seen(dataGroup, 'echo_allow', 'echo'), members: { ...allow(['spiffe://a/b']).members } },
    seen('ltm/virtual', 'gone', 'gone'),
  );

  it('changes who may call, and creates and removes nothing', () => {
    const deny = { ...allow([]), name: 'echo_deny' };
    const plan = onlyAllowlists(planDevice([allow([]), deny, pool], device));
    assert.deepEqual(
      plan.changes.map(({ action, object }) => `${action} ${object.name}`),
      ['modify echo_allow'],
    );
    assert.equal(plan.epoch, 7);
  });

  it('is empty when the lists are as they should be', () => {
    assert.deepEqual(onlyAllowlists(planDevice([allow(['spiffe://a/b']), pool], device)).changes, []);
  });
});
