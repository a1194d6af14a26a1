import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '../../../src/clock.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { proveService } from '../../../src/proof/proof.js';
import type { Proof, ProofCallers, ProofRequest } from '../../../src/proof/proof.js';
import { readSvidClaims } from '../../../src/spiffe/svid-claims.js';
import { Svid } from '../../../src/spiffe/svid.js';

const device = 'spiffe://cluster.local/ns/default/sa/bigip';
const good = 'spiffe://cluster.local/ns/trusted/sa/sleep';
const bad = 'spiffe://cluster.local/ns/default/sa/default';

/** How a device treats a caller whose handshake is complete. */
type Treatment = (socket: TLSSocket, spiffeId: string | undefined) => void;

const answerGood: Treatment = (socket, spiffeId) => {
  if (spiffeId === good) socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()));
  else socket.destroy();
};

describe('the proof', () => {
  let meshCa: MeshCa;
  let callers: ProofCallers;
  let served: Svid;
  const servers: Server[] = [];

  before(async () => {
    const now = systemClock.now();
    meshCa = await MeshCa.create({ now });
    served = await meshCa.mint(device);
    const otherCa = await MeshCa.create({ now, cluster: 'other' });
    callers = {
      good: await meshCa.mint(good),
      bad: await meshCa.mint(bad),
      foreign: await otherCa.mint(good),
    };
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, 'close');
    }
  });

  async function listen(server: Server): Promise<number> {
    const open = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      open.add(socket);
      socket.on('error', () => undefined);
    });
    server.once('close', () => undefined);
    servers.push(Object.assign(server, { close: closeAll.bind(undefined, server, open) }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  function closeAll(server: Server, open: Set<Socket>): Server {
    for (const socket of open) socket.destroy();
    return Object.getPrototypeOf(server).close.call(server) as Server;
  }

  function tlsDevice(treatment: Treatment, svid = served, requireCertificate = true): Promise<number> {
    const server = createServer({
      cert: svid.renderLeafPem() + svid.renderChainPem(),
      key: svid.renderKeyPem().reveal(),
      ca: meshCa.trustBundle.toPem(),
      requestCert: true,
      rejectUnauthorized: requireCertificate,
      maxVersion: 'TLSv1.2',
    });
    server.on('secureConnection', (socket) => {
      const leaf = socket.getPeerX509Certificate();
      const claims = leaf === undefined ? undefined : readSvidClaims(leaf.raw);
      socket.on('error', () => undefined);
      treatment(socket, claims?.ok === true ? claims.spiffeId.text : undefined);
    });
    server.on('tlsClientError', () => undefined);
    return listen(server);
  }

  function prove(port: number, overrides: Partial<ProofRequest> = {}): Promise<Proof> {
    return proveService({
      address: '127.0.0.1',
      port,
      host: 'bigip.default.svc.cluster.local',
      spiffeId: device,
      fingerprint256: served.fingerprint256,
      trustBundle: meshCa.trustBundle,
      at: systemClock.now(),
      callers,
      probe: { send: 'hi\n', expect: 'HI' },
      timing: { deadlineMs: 1000, plainDeadlineMs: 100, settleMs: 50 },
      ...overrides,
    });
  }

  const failed = ({ checks }: Proof): string[] =>
    checks.filter(({ passed }) => !passed).map(({ name }) => name);

  it('passes when the good caller is answered and nobody else is', async () => {
    const proof = await prove(await tlsDevice(answerGood));
    assert.deepEqual(failed(proof), []);
    assert.equal(proof.passed, true);
    assert.equal(proof.servedFingerprint, served.fingerprint256);
  });

  it('takes a connection that stays open for admission when there is no probe', async () => {
    const proof = await prove(await tlsDevice(answerGood), { probe: undefined });
    assert.equal(proof.passed, true, JSON.stringify(proof));
  });

  it('fails when the bad caller gets in', async () => {
    const proof = await prove(await tlsDevice((socket) => answerGood(socket, good)));
    assert.deepEqual(failed(proof), ['bad caller']);
    assert.equal(proof.passed, false);
  });

  it('fails when the bad caller is let in and merely hears nothing', async () => {
    const proof = await prove(
      await tlsDevice((socket, spiffeId) => (spiffeId === bad ? undefined : answerGood(socket, spiffeId))),
    );
    assert.deepEqual(failed(proof), ['bad caller']);
  });

  it('fails when a caller without a certificate or from another CA gets in', async () => {
    const proof = await prove(
      await tlsDevice(
        (socket) => {
          answerGood(socket, socket.authorized ? (readGood(socket) ? good : undefined) : good);
        },
        served,
        false,
      ),
    );
    assert.deepEqual(failed(proof), ['no certificate', 'another CA']);
  });

  it('fails when the good caller is kept out', async () => {
    const proof = await prove(await tlsDevice((socket) => socket.destroy()));
    assert.deepEqual(failed(proof), ['good caller']);
  });

  it('passes without a good caller when everybody else is refused by the right certificate', async () => {
    const { bad: stranger, foreign } = callers;
    const proof = await prove(await tlsDevice((socket) => socket.destroy()), {
      callers: { bad: stranger, foreign },
    });
    assert.deepEqual(failed(proof), []);
    assert.equal(proof.servedFingerprint, served.fingerprint256);
  });

  it('fails when an older certificate is served than was installed', async () => {
    const older = await meshCa.mint(device);
    const proof = await prove(await tlsDevice(answerGood, older));
    assert.equal(proof.passed, false);
    assert.ok(failed(proof).includes('bad caller'), 'a refusal by another certificate proves nothing');
    assert.match(proof.checks[0]?.seen ?? '', /another certificate of .* is served/);
  });

  it('counts the connections in which it looked at the certificate, and says in which TLS version', async () => {
    const proof = await prove(await tlsDevice(answerGood), { moreConnections: 6 });
    assert.equal(proof.passed, true, JSON.stringify(proof));
    assert.equal(proof.connections, 10);
    assert.deepEqual(proof.protocols, ['TLSv1.2']);
  });

  it('fails when one connection of many is served by another certificate', async () => {
    const older = await meshCa.mint(device);
    let connections = 0;
    const turns = await Promise.all([tlsDevice(answerGood), tlsDevice(answerGood, older)]);
    const port = await listen(
      createTcpServer((socket) => {
        connections += 1;
        const other = connect(turns[connections === 9 ? 1 : 0] ?? 0, '127.0.0.1');
        // What one side ends, the other ends too, in the same way.
        pipeline(socket, other, socket, () => undefined);
      }),
    );
    const proof = await prove(port, { moreConnections: 6 });
    assert.deepEqual(failed(proof), ['no certificate']);
    assert.equal(proof.passed, false);
  });

  it('fails when the served chain lacks the intermediate, also where the handshake is refused', async () => {
    const bare = new Svid({
      spiffeId: served.spiffeId,
      leaf: served.leaf,
      chain: [],
      privateKey: served.privateKey,
    });
    const proof = await prove(await tlsDevice(answerGood, bare));
    assert.equal(proof.passed, false);
    const refused = proof.checks.find(({ name }) => name === 'no certificate');
    assert.match(refused?.seen ?? '', /the served chain does not lead to a root of the mesh/);
  });

  it('fails when the served chain has come to its end', async () => {
    const proof = await prove(await tlsDevice(answerGood), {
      at: new Date(served.notAfter.getTime() + 1000),
    });
    assert.match(proof.checks[0]?.seen ?? '', /the served chain .* expired/);
  });

  it('fails when the device shows another identity', async () => {
    const other = await meshCa.mint(bad);
    const proof = await prove(await tlsDevice(answerGood, other), { fingerprint256: undefined });
    assert.match(
      proof.checks[0]?.seen ?? '',
      /is of spiffe:\/\/cluster\.local\/ns\/default\/sa\/default, not of/,
    );
    assert.equal(proof.passed, false);
  });

  it('fails when plain TCP is answered', async () => {
    const port = await listen(
      createTcpServer((socket) => socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()))),
    );
    assert.ok(failed(await prove(port)).includes('plain TCP'));
  });

  it('fails when plain TCP is answered by something else than the expected, and stays open', async () => {
    const port = await listen(createTcpServer((socket) => socket.write('who is there?')));
    const { checks } = await prove(port);
    const plain = checks.find(({ name }) => name === 'plain TCP');
    assert.deepEqual(
      [plain?.passed, plain?.seen],
      [false, 'read "who is there?" and nothing of what was expected'],
    );
  });

  it('fails when the bad caller is told something before an error ends the connection', async () => {
    const port = await tlsDevice((socket, spiffeId) => {
      if (spiffeId !== bad) return answerGood(socket, spiffeId);
      const { _parent: tcp } = socket as TLSSocket & { readonly _parent?: Socket };
      // What follows is no TLS record, so the caller's library gives up.
      socket.write('not you', () => tcp?.write('no record at all'));
    });
    const proof = await prove(port);
    assert.deepEqual(failed(proof), ['bad caller']);
    const { seen } = proof.checks.find(({ name }) => name === 'bad caller') ?? {};
    assert.equal(seen, 'read "not you" and nothing of what was expected');
  });

  it('fails when something that is no TLS server refuses everybody', async () => {
    const port = await listen(createTcpServer((socket) => socket.resetAndDestroy()));
    const { bad: stranger } = callers;
    const proof = await prove(port, { callers: { bad: stranger } });
    assert.deepEqual(failed(proof).slice(0, 2), ['bad caller', 'no certificate']);
    assert.equal(proof.passed, false);
  });

  it('fails every check when nobody listens: no connection is no refusal', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    servers.pop();
    const proof = await prove(port);
    assert.equal(failed(proof).length, 5);
    assert.equal(proof.servedFingerprint, undefined);
  });

  function readGood(socket: TLSSocket): boolean {
    const leaf = socket.getPeerX509Certificate();
    const claims = leaf === undefined ? undefined : readSvidClaims(leaf.raw);
    return claims?.ok === true && claims.spiffeId.text === good;
  }
});
