import { strict as assert } from 'node:assert';

import { EpochFence } from '../../../src/controller/epoch-fence.js';
import type { Standing } from '../../../src/controller/leadership.js';

describe('the fence between a process and a device', () => {
  let standing: Standing;
  let givenUp: number;
  let fence: EpochFence;
  const refused = { code: 'MESH_ERR_NOT_LEADER' };

  beforeEach(() => {
    standing = 'leads';
    givenUp = 0;
    fence = new EpochFence({
      standing: () => standing,
      giveUp: () => {
        givenUp += 1;
        standing = 'stands by';
      },
    });
    fence.begin('edge');
  });

  it('lets a leader write, whatever the epoch', () => {
    const run = fence.open('edge');
    run.onRead(7);
    run.beforeCommit(9);
    assert.equal(run.isHoldingOn, false);
  });

  it('stops what a leader has worked out when it does not lead any more, also when it holds on', () => {
    const run = fence.open('edge');
    run.onRead(7);
    for (const now of ['holds on', 'stands by'] as const) {
      standing = now;
      assert.throws(() => run.beforeCommit(7), refused);
    }
    assert.equal(givenUp, 0, 'nobody else has written');
  });

  it('lets one that holds on write from the epoch that it read as the leader, and from those that it made', () => {
    fence.open('edge').onRead(7);
    standing = 'holds on';
    const run = fence.open('edge');
    assert.equal(run.isHoldingOn, true);
    run.onRead(7);
    run.beforeCommit(7);
    run.onCommitted(8);
    run.beforeCommit(8);
    fence.open('edge').onRead(8);
  });

  it('lets it write from the epoch that a commit of its own made, which outlasted the Lease', () => {
    const run = fence.open('edge');
    run.onRead(7);
    run.beforeCommit(7);
    standing = 'holds on';
    run.onCommitted(8);
    fence.open('edge').onRead(8);
  });

  for (const epoch of [6, 8]) {
    it(`gives up at epoch ${epoch} in place of 7, before anything is worked out and before anything is written`, () => {
      fence.open('edge').onRead(7);
      standing = 'holds on';
      assert.throws(() => fence.open('edge').onRead(epoch), refused);
      assert.equal(givenUp, 1);
      standing = 'holds on';
      assert.throws(() => fence.open('edge').beforeCommit(epoch), refused);
      assert.equal(givenUp, 2);
    });
  }

  it('learns no epoch from a read that ended after the Lease', () => {
    const run = fence.open('edge');
    standing = 'holds on';
    run.onRead(8);
    assert.throws(() => fence.open('edge').onRead(8), refused);
    assert.equal(givenUp, 1);
  });

  it('counts nothing of an earlier leadership', () => {
    fence.open('edge').onRead(7);
    fence.begin('edge');
    standing = 'holds on';
    assert.throws(() => fence.open('edge').onRead(7), refused);
  });

  it('is one for each device', () => {
    fence.open('other').onRead(7);
    standing = 'holds on';
    assert.throws(() => fence.open('edge').onRead(7), refused);
  });
});
