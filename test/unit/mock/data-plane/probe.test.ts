import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { runProbe } from '../../../../src/mock/data-plane/probe.js';
import type { Probe, ProbeOutcome } from '../../../../src/mock/data-plane/probe.js';
import { until } from '../../../support/until.js';
import { localhostSubject, mintSelfSigned } from '../../../../src/mock/certificate/self-signed.js';

describe('a probe of a pool member', () => {
  let server: Server;
  let heard: string;
  let answer: string;
  let connections: number;

  function serve(socket: Socket): void {
    connections += 1;
    socket.on('error', () => undefined);
    socket.on('close', () => (connections -= 1));
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (answer !== '') socket.end(answer);
    });
  }

  async function listen(next: Server): Promise<void> {
    server = next;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  beforeEach(async () => {
    heard = '';
    answer = 'HTTP/1.0 200 OK\r\nServer: x\r\n\r\nready';
    connections = 0;
    await listen(createServer(serve));
  });
  afterEach(async () => {
    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
    await until(() => connections === 0);
  });

  const probe = (more: Partial<Probe>, signal = new AbortController().signal): Promise<ProbeOutcome> => {
    const { port } = server.address() as AddressInfo;
    return runProbe({ type: 'tcp', address: '127.0.0.1', port, isReversed: false, ...more }, signal);
  };

  it('of TCP is content with a connection', async () => {
    assert.equal(await probe({}), 'up');
    assert.equal(await probe({ type: 'tcp-half-open' }), 'up');
    assert.equal(heard, '');
  });

  it('of TCP says what it has to say, and waits for what it has to hear', async () => {
    assert.equal(await probe({ send: String.raw`ping\r\n`, receive: 'read.' }), 'up');
    assert.equal(heard, 'ping\r\n');
    assert.equal(await probe({ send: 'ping', receive: 'never' }), 'silent');
    assert.equal(await probe({ send: 'ping', receive: 'ready', isReversed: true }), 'silent');
    assert.equal(await probe({ send: 'ping', receive: 'broken', isReversed: true }), 'up');
  });

  it('of HTTP completes its request and takes any answer, unless it waits for one', async () => {
    assert.equal(await probe({ type: 'http', send: String.raw`GET /\r\n` }), 'up');
    assert.equal(heard, 'GET /\r\n\r\n');
    assert.equal(await probe({ type: 'http', send: String.raw`GET /\r\n`, receive: '^HTTP/1.. 200' }), 'up');
    assert.equal(await probe({ type: 'http', send: String.raw`GET /\r\n`, receive: ' 404 ' }), 'silent');
  });

  it('of HTTPS asks over TLS and does not ask who answers', async () => {
    server.close();
    const { pem, keyPem } = await mintSelfSigned(localhostSubject, new Date());
    await listen(createTlsServer({ cert: pem, key: keyPem.reveal() }, serve));
    assert.equal(await probe({ type: 'https', send: 'GET / HTTP/1.0', receive: 'ready' }), 'up');
    assert.equal(heard, 'GET / HTTP/1.0\r\n\r\n');
  });

  it('tells a member that resets from one that keeps silent', async () => {
    const { port } = server.address() as AddressInfo;
    answer = '';
    const ending = new AbortController();
    const waiting = probe({ send: 'ping', receive: 'pong' }, ending.signal);
    await until(() => heard !== '');
    ending.abort();
    assert.equal(await waiting, 'silent');
    server.close();
    await once(server, 'close');
    const refused = await runProbe(
      { type: 'tcp', address: '127.0.0.1', port, isReversed: false },
      new AbortController().signal,
    );
    assert.equal(refused, 'refused');
  });
});
