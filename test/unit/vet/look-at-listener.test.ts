import { strict as assert } from 'node:assert';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import type { ListenerFacts } from '../../../src/vet/facts.js';
import { lookAtListener } from '../../../src/vet/read/look-at-listener.js';
import { parseServerFlight } from '../../../src/vet/read/server-flight.js';

describe('a look at a listener', () => {
  let meshCa: MeshCa;
  let identity: { readonly cert: string; readonly key: string; readonly ca: string };
  const running: Array<{ readonly server: Server; readonly sockets: Set<Socket> }> = [];

  before(async () => {
    meshCa = await MeshCa.create({ now: new Date() });
    const svid = await meshCa.mint('spiffe://cluster.local/ns/default/sa/bigip');
    identity = {
      cert: svid.renderLeafPem() + svid.renderChainPem(),
      key: svid.renderKeyPem().reveal(),
      ca: meshCa.rootPem,
    };
  });
  afterEach(async () => {
    for (const { server, sockets } of running.splice(0)) {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  const listen = async (server: Server): Promise<number> => {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
    });
    server.on('tlsClientError', () => undefined);
    running.push({ server, sockets });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    return (server.address() as AddressInfo).port;
  };
  const tlsServer = (options: TlsOptions = {}): Promise<number> =>
    listen(createTlsServer({ ...identity, requestCert: true, rejectUnauthorized: true, ...options }));
  const look = async (port: number): Promise<ListenerFacts> => {
    const timing = { deadlineMs: 2000, plainDeadlineMs: 200 };
    const seen = await lookAtListener({
      address: '127.0.0.1',
      port,
      host: 'bigip.default.svc.cluster.local',
      plaintext: 'hi\n',
      timing,
    });
    assert.equal(seen.state, 'known');
    return (seen as { readonly value: ListenerFacts }).value;
  };

  it('sees the whole chain, and that a certificate is asked for', async () => {
    const { flight, flightWithoutName, oldestVersion, plaintextAnswer } = await look(await tlsServer());
    assert.equal(flight?.version, 'TLSv1.2');
    assert.equal(flight.certificates.length, 2);
    assert.ok(flight.certificates[1]?.raw.equals(meshCa.intermediateCertificate.raw));
    assert.equal(flight.requestsCertificate, true);
    assert.equal(flight.alpn, undefined);
    assert.equal(flightWithoutName?.certificates.length, 2);
    assert.deepEqual(
      { oldestVersion, plaintextAnswer },
      { oldestVersion: undefined, plaintextAnswer: undefined },
    );
  });

  it('sees that none is asked for', async () => {
    const { flight } = await look(await tlsServer({ requestCert: false }));
    assert.equal(flight?.requestsCertificate, false);
  });

  it('sees which ALPN name is picked', async () => {
    const { flight } = await look(await tlsServer({ ALPNProtocols: ['istio-peer-exchange', 'h2'] }));
    assert.equal(flight?.alpn, 'istio-peer-exchange');
  });

  it('sees that the ALPN names of a sidecar are refused', async () => {
    const { flight } = await look(await tlsServer({ ALPNProtocols: ['h2'] }));
    assert.deepEqual(
      { alert: flight?.alert, certificates: flight?.certificates },
      { alert: 120, certificates: [] },
    );
  });

  it('sees a version before TLS 1.2', async () => {
    const { oldestVersion } = await look(
      await tlsServer({ minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' }),
    );
    assert.equal(oldestVersion, 'TLSv1.1');
  });

  it('sees that a server name is demanded', async () => {
    const inner = await tlsServer();
    const { connect } = await import('node:net');
    const port = await listen(
      createTcpServer((socket) => {
        socket.once('data', (hello: Buffer) => {
          if (!hello.includes('outbound_.')) {
            socket.destroy();
            return;
          }
          const onward = connect(inner, '127.0.0.1');
          onward.on('error', () => undefined);
          onward.write(hello);
          socket.pipe(onward).pipe(socket);
        });
      }),
    );
    const { flight, flightWithoutName } = await look(port);
    assert.equal(flight?.certificates.length, 2);
    assert.equal(flightWithoutName, undefined);
  });

  it('sees an answer in plain TCP, and that it is no TLS', async () => {
    const port = await listen(createTcpServer((socket) => socket.on('data', () => socket.write('HI\n'))));
    const { flight, plaintextAnswer } = await look(port);
    assert.equal(flight, undefined);
    assert.equal(plaintextAnswer, '"HI\\n"');
  });

  it('sees that nobody listens', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    running.length = 0;
    assert.equal((await look(port)).isClosed, true);
  });

  it('reads no further than what has come', () => {
    assert.equal(parseServerFlight(Buffer.alloc(0)), undefined);
    assert.equal(parseServerFlight(Buffer.from('HTTP/1.1 400 Bad Request\r\n')), undefined);
    const cut = parseServerFlight(Buffer.from([22, 3, 3, 0, 8, 2, 0, 0, 90, 3, 3, 1, 2]));
    assert.deepEqual(cut, {
      version: '',
      alpn: undefined,
      certificates: [],
      requestsCertificate: false,
      alert: undefined,
    });
  });
});
