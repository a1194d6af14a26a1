import { strict as assert } from 'node:assert';
import { AgentError } from '../../../src/errors.js';
import type { ErrorCode } from '../../../src/errors.js';
import { DeviceError } from '../../../src/icontrol/errors.js';
import { toDatum } from '../../../src/vet/read/to-datum.js';

describe('a reading', () => {
  const failing = (code: ErrorCode) =>
    toDatum('list pods', () => Promise.reject(new AgentError(code, 'said no', 'ask')));

  it('names the permission that was missing', async () => {
    assert.deepEqual(await failing('MESH_ERR_KUBE_FORBIDDEN'), {
      state: 'unknown',
      gap: { reason: 'said no', needs: 'list pods' },
    });
    const denied = new DeviceError('MESH_ERR_DEVICE_ACCESS_DENIED', 'said no', 'ask', {
      resource: '/mgmt/tm/ltm/rule',
    });
    assert.deepEqual(await toDatum('a role', () => Promise.reject(denied)), {
      state: 'unknown',
      gap: { reason: 'said no', needs: 'a role' },
    });
  });

  it('asks for no permission where none would help', async () => {
    assert.deepEqual(await failing('MESH_ERR_KUBE_UNREACHABLE'), {
      state: 'unknown',
      gap: { reason: 'said no' },
    });
  });

  it('knows that a kind which is not served has no objects', async () => {
    assert.deepEqual(await failing('MESH_ERR_KUBE_NOT_SERVED'), { state: 'absent' });
    assert.deepEqual(await toDatum('x', () => Promise.resolve(undefined)), { state: 'absent' });
  });

  it("lets pass on what is nobody's answer: a bug, an interruption", async () => {
    await assert.rejects(
      toDatum('x', () => Promise.reject(new TypeError('a bug'))),
      TypeError,
    );
  });
});
