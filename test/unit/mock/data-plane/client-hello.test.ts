import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import type { SecureVersion } from 'node:tls';
import { readFirstBytes } from '../../../../src/mock/data-plane/client-hello.js';

/** The first bytes that Node's TLS client sends. */
async function clientHello(minVersion: SecureVersion, maxVersion: SecureVersion): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    minVersion,
    maxVersion,
  });
  client.on('error', () => undefined);
  const [socket] = await once(server, 'connection');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  await once(server, 'close');
  return chunk;
}

/** The same bytes in records of a few bytes each. */
function fragmented(hello: Buffer): Buffer {
  const message = hello.subarray(5);
  const records = [];
  for (let at = 0; at < message.length; at += 7) {
    const fragment = message.subarray(at, at + 7);
    records.push(Buffer.of(22, 3, 1, 0, fragment.length), fragment);
  }
  return Buffer.concat(records);
}

function offersTls13(bytes: Buffer): boolean | undefined {
  const first = readFirstBytes(bytes);
  return first.kind === 'client-hello' ? first.offersTls13 : undefined;
}

describe('the first bytes of a client', () => {
  let modern: Buffer;
  let old: Buffer;
  before(async () => {
    modern = await clientHello('TLSv1.2', 'TLSv1.3');
    old = await clientHello('TLSv1.2', 'TLSv1.2');
  });

  it('tell whether it offers TLS 1.3', () => {
    assert.equal(offersTls13(modern), true);
    assert.equal(offersTls13(old), false);
  });

  it('tell so when they come in many records', () => {
    assert.equal(offersTls13(fragmented(modern)), true);
  });

  it('hold the extensions', () => {
    const first = readFirstBytes(modern);
    assert.ok(first.kind === 'client-hello');
    const versions = Buffer.from([0, 43, 0, 5, 4, 3, 4, 3, 3]);
    assert.ok(first.extensions.includes(versions), 'supported_versions of TLS 1.3 and 1.2');
    let at = 0;
    while (at < first.extensions.length) at += 4 + first.extensions.readUInt16BE(at + 2);
    assert.equal(at, first.extensions.length, 'and nothing besides');
  });

  it('are waited for until the hello is whole', () => {
    for (let length = 0; length < modern.length; length += 1) {
      assert.equal(readFirstBytes(modern.subarray(0, length)).kind, 'incomplete', String(length));
    }
  });

  it('are no TLS when they do not begin with a handshake record', () => {
    assert.equal(readFirstBytes(Buffer.from('GET / HTTP/1.0')).kind, 'not-tls');
  });

  it('are left to the TLS stack when they make no sense', () => {
    for (const hex of ['160301000401000000', '1603010008010000040303ffff']) {
      const { kind } = readFirstBytes(Buffer.from(hex, 'hex'));
      assert.equal(kind, 'client-hello', hex);
    }
    const endless = Buffer.alloc(70_000, 0);
    endless.set([22, 3, 1, 255, 255, 1, 255, 255, 255]);
    assert.equal(readFirstBytes(endless).kind, 'client-hello');
  });

  it('never make the reader fail, whatever they are', () => {
    for (let at = 5; at < modern.length; at += 1) {
      const changed = Buffer.from(modern);
      changed[at] = 0xff;
      assert.ok(['client-hello', 'incomplete'].includes(readFirstBytes(changed).kind));
    }
  });
});
