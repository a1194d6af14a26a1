import { strict as assert } from 'node:assert';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { until } from '../../../support/until.js';
import { TestBed, virtualServer } from './test-bed.js';

describe('high-speed logging of a rule', () => {
  let bed: TestBed;
  before(async () => {
    bed = await TestBed.start();
  });
  after(() => bed.close());

  const pool = (fullPath: string, port: number) => ({ fullPath, members: [{ address: '127.0.0.1', port }] });
  async function serve(protocol: string, ...pools: ReadonlyArray<ReturnType<typeof pool>>): Promise<void> {
    const rule = `when CLIENT_ACCEPTED {
      set hsl [HSL::open -proto ${protocol} -pool /mesh/logs]
      HSL::send $hsl "<134> from [IP::client_addr]\\n"
    }`;
    await bed.dataPlane.apply({ ...bed.configuration({ clientSsl: 'none', rules: [rule] }), pools });
  }
  async function call(): Promise<string> {
    const socket = connect(bed.port, '127.0.0.1');
    socket.on('error', () => undefined);
    let data = '';
    socket.on('data', (chunk: Buffer) => (data += chunk.toString()));
    socket.end('hi');
    await once(socket, 'close').catch(() => undefined);
    return data;
  }

  it('reaches a pool member over UDP', async () => {
    const receiver = createSocket('udp4').bind(0, '127.0.0.1');
    await once(receiver, 'listening');
    const arrived = once(receiver, 'message');
    await serve('UDP', pool('/mesh/logs', receiver.address().port));
    assert.equal(await call(), 'HI');
    assert.equal(String((await arrived)[0]), '<134> from 127.0.0.1\n');
    receiver.close();
  });

  it('reaches a pool member over TCP, on one connection', async () => {
    const connections: Socket[] = [];
    let received = '';
    const receiver = createServer((socket) => {
      connections.push(socket);
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    await serve('TCP', pool('/mesh/logs', (receiver.address() as AddressInfo).port));
    await call();
    await call();
    await until(() => received === '<134> from 127.0.0.1\n'.repeat(2));
    assert.equal(connections.length, 1);
    for (const socket of connections) socket.destroy();
    receiver.close();
    await once(receiver, 'close');
  });

  it('reaches what stands behind a publisher', async () => {
    const receiver = createSocket('udp4').bind(0, '127.0.0.1');
    await once(receiver, 'listening');
    const arrived = once(receiver, 'message');
    const rule = `when CLIENT_ACCEPTED {
      HSL::send [HSL::open -publisher /mesh/publisher] "published"
    }`;
    await bed.dataPlane.apply({
      ...bed.configuration({ clientSsl: 'none', rules: [rule] }),
      pools: [pool('/mesh/logs', receiver.address().port)],
      logPublishers: [
        { fullPath: '/mesh/publisher', destinations: [{ protocol: 'UDP', pool: '/mesh/logs' }] },
      ],
    });
    await call();
    assert.equal(String((await arrived)[0]), 'published');
    receiver.close();
  });

  it('is a TCL error without the pool, and no error when nobody listens', async () => {
    await serve('TCP');
    assert.equal(await call(), '', `the connection through ${virtualServer} is reset`);
    assert.match(bed.log.at(-1) ?? '', /01220001:3: TCL error: .* - pool "\/mesh\/logs" not found/);
    const receiver = createServer().listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as AddressInfo;
    receiver.close();
    await once(receiver, 'close');
    await serve('TCP', pool('/mesh/logs', port));
    assert.equal(await call(), 'HI');
  });
});

describe('SSL::handshake', () => {
  let bed: TestBed;
  before(async () => {
    bed = await TestBed.start();
  });
  after(() => bed.close());

  const extensions = 'log local0. "sni [SSL::sni name] alpn [SSL::extensions exists -type 16]"';
  it('holds the handshake until a rule resumes it, and ClientHello tells its extensions', async () => {
    await bed.apply({
      rules: [
        `when CLIENTSSL_CLIENTHELLO {
          ${extensions}
          SSL::handshake hold
          after 10 { log local0. "resuming"; SSL::handshake resume }
        }
        when CLIENTSSL_HANDSHAKE { log local0. "done" }`,
      ],
    });
    const caller = await bed.ca.mint('spiffe://cluster.local/ns/trusted/sa/sleep');
    assert.equal((await bed.call(caller)).data, 'HI');
    const said = bed.log.map((line) => line.replace(/^.*>: /, ''));
    assert.deepEqual(said, [
      'sni outbound_.9000_._.bigip.default.svc.cluster.local alpn 1',
      'resuming',
      'done',
    ]);
  });

  it('that is never resumed ends with the handshake timeout', async () => {
    await bed.apply({
      clientSsl: { handshakeTimeoutSeconds: 0.05 },
      rules: ['when CLIENTSSL_CLIENTCERT { SSL::handshake hold }'],
    });
    const caller = await bed.ca.mint('spiffe://cluster.local/ns/trusted/sa/sleep');
    const { data, error } = await bed.call(caller);
    assert.deepEqual([data, error], ['', 'ECONNRESET']);
  });
});
