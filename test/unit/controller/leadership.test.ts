import { strict as assert } from 'node:assert';

import { Leadership } from '../../../src/controller/leadership.js';
import type { Standing } from '../../../src/controller/leadership.js';
import { AgentError } from '../../../src/errors.js';
import type { ErrorCode } from '../../../src/errors.js';
import { silentLogger } from '../../../src/log.js';
import { FakeClock } from '../../support/fake-clock.js';

describe('a leadership whose Lease is over', () => {
  const start = () => {
    const lease = { holder: 'one', leftMs: 10_000 };
    const standings: Standing[] = [];
    const leadership = new Leadership({
      device: 'edge',
      lease,
      holder: 'one',
      retryMs: 2000,
      clock: new FakeClock(),
      logger: silentLogger(),
      onChange: (standing) => standings.push(standing),
    });
    return { lease, leadership, standings };
  };
  const failure = (code: ErrorCode): AgentError => new AgentError(code, 'it failed', 'look');

  it('ends when nothing says that the API server is away, as after a pause', () => {
    const { lease, leadership } = start();
    lease.leftMs = 0;
    leadership.look();
    assert.ok(leadership.signal.aborted);
    assert.equal(leadership.isHoldingOn, false);
  });

  it('ends when the last renewal came to something, whatever failed before', () => {
    const { lease, leadership } = start();
    leadership.tried(failure('MESH_ERR_KUBE_UNREACHABLE'));
    leadership.tried(undefined);
    lease.leftMs = 0;
    leadership.look();
    assert.ok(leadership.signal.aborted);
  });

  for (const code of [
    'MESH_ERR_KUBE_CONFLICT',
    'MESH_ERR_KUBE_FORBIDDEN',
    'MESH_ERR_KUBE_NOT_FOUND',
  ] as const) {
    it(`ends after ${code}, also when it was held on to`, () => {
      const { lease, leadership } = start();
      leadership.tried(failure('MESH_ERR_KUBE_UNREACHABLE'));
      lease.leftMs = 0;
      leadership.look();
      assert.ok(leadership.isHoldingOn);
      leadership.tried(failure(code));
      leadership.look();
      assert.ok(leadership.signal.aborted);
      assert.equal(leadership.isHoldingOn, false);
    });
  }

  it('ends when another one was seen in the Lease, however far away the API server is', () => {
    const { lease, leadership } = start();
    leadership.tried(failure('MESH_ERR_KUBE_UNREACHABLE'));
    lease.leftMs = 0;
    lease.holder = 'two';
    leadership.look();
    assert.ok(leadership.signal.aborted);
  });

  it('leads again when the Lease is, and tells each change once', () => {
    const { lease, leadership, standings } = start();
    leadership.tried(failure('MESH_ERR_KUBE_UNAUTHORIZED'));
    lease.leftMs = 0;
    leadership.look();
    leadership.look();
    lease.leftMs = 10_000;
    leadership.look();
    leadership.look();
    assert.deepEqual(standings, ['holds on', 'leads']);
    assert.equal(leadership.signal.aborted, false);
  });
});
