import { strict as assert } from 'node:assert';

import { heldCredentials } from '../../src/device-login.js';
import { AgentError } from '../../src/errors.js';
import type { ErrorCode } from '../../src/errors.js';
import type { Credentials } from '../../src/icontrol/session.js';
import { Secret } from '../../src/secret.js';

describe('the credentials of a device', () => {
  const given = (username: string): Credentials => ({ username, password: new Secret('p') });
  const fail = (code: ErrorCode) => (): Promise<Credentials> =>
    Promise.reject(new AgentError(code, 'it failed', 'look'));
  let read: () => Promise<Credentials>;
  const held = () => heldCredentials(() => read());

  it('are read anew each time', async () => {
    const credentials = held();
    read = () => Promise.resolve(given('a'));
    assert.equal((await credentials()).username, 'a');
    read = () => Promise.resolve(given('b'));
    assert.equal((await credentials()).username, 'b');
  });

  for (const code of ['MESH_ERR_KUBE_UNREACHABLE', 'MESH_ERR_KUBE_UNAUTHORIZED'] as const) {
    it(`are those of before after ${code}, where there were any`, async () => {
      const credentials = held();
      read = fail(code);
      await assert.rejects(credentials(), { code });
      read = () => Promise.resolve(given('a'));
      await credentials();
      read = fail(code);
      assert.equal((await credentials()).username, 'a');
    });
  }

  for (const code of ['MESH_ERR_CREDENTIALS_MISSING', 'MESH_ERR_KUBE_FORBIDDEN'] as const) {
    it(`are not those of before after ${code}: somebody took them away`, async () => {
      const credentials = held();
      read = () => Promise.resolve(given('a'));
      await credentials();
      read = fail(code);
      await assert.rejects(credentials(), { code });
    });
  }
});
