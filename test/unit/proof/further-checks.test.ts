import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { furtherChecks } from '../../../src/proof/further-checks.js';
import type { ProofCallers } from '../../../src/proof/proof.js';

const identity = 'spiffe://cluster.local/ns/default/sa/bigip';
const goodId = 'spiffe://cluster.local/ns/trusted/sa/sleep';

describe('the further checks of verify', () => {
  let meshCa: MeshCa;
  before(async () => {
    meshCa = await MeshCa.create({ now: new Date() });
  });

  async function check(
    options: TlsOptions,
    callers?: ProofCallers,
  ): Promise<Awaited<ReturnType<typeof furtherChecks>>> {
    const server = await meshCa.mint(identity);
    const listener = createServer(
      {
        cert: server.renderLeafPem() + server.renderChainPem(),
        key: server.renderKeyPem().reveal(),
        ca: meshCa.rootPem,
        requestCert: true,
        rejectUnauthorized: true,
        ...options,
      },
      (socket) => socket.on('error', () => undefined).end(),
    ).on('tlsClientError', () => undefined);
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    try {
      return await furtherChecks({
        address: '127.0.0.1',
        port: (listener.address() as AddressInfo).port,
        host: 'bigip.default.svc.cluster.local',
        spiffeId: identity,
        fingerprint256: undefined,
        trustBundle: meshCa.trustBundle,
        callers: callers ?? { good: await meshCa.mint(goodId) },
        probe: undefined,
        at: new Date(),
      });
    } finally {
      listener.close();
    }
  }

  const outcomes = ({ checks }: Awaited<ReturnType<typeof furtherChecks>>): string[] =>
    checks.map(({ name, passed, seen }) => `${name}: ${passed ? 'passed' : 'failed'}, ${seen}`);

  it('pass where old versions are refused and sessions are not kept', async () => {
    const strict = await check({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', secureOptions: noTickets });
    assert.deepEqual(outcomes(strict), [
      'old TLS version: passed, TLS alert: protocol version',
      'resumed session: passed, a full handshake',
    ]);
    assert.deepEqual(strict.unproven, []);
  });

  it('fail where TLS 1.1 is spoken and a session is resumed', async () => {
    const lenient = await check({
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.2',
      ciphers: 'DEFAULT@SECLEVEL=0',
      sessionIdContext: 'lenient',
    });
    assert.deepEqual(outcomes(lenient), [
      'old TLS version: failed, TLSv1.1 was accepted',
      'resumed session: failed, the session was resumed',
    ]);
  });

  it('say what they could not see without a good caller', async () => {
    const { checks, unproven } = await check({}, {});
    assert.deepEqual(checks, []);
    assert.deepEqual(
      unproven.map(({ name }) => name),
      ['old TLS version', 'resumed session'],
    );
  });
});

/** SSL_OP_NO_TICKET of OpenSSL; a server without a session store then has nothing to resume. */
const noTickets = 1 << 14;
