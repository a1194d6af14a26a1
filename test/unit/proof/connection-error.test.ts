import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer as createTlsServer } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { describeConnectionError } from '../../../src/proof/connection-error.js';

/** What becomes of a TLS client that calls this server. */
async function callError(server: Server, options: ConnectionOptions = {}): Promise<Error> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const socket = connect({ host: '127.0.0.1', port, ...options });
    const [error] = (await once(socket, 'error')) as [Error];
    return error;
  } finally {
    server.close();
  }
}

const tlsServer = (): Server => createTlsServer({}).on('tlsClientError', () => undefined);

describe('an error of a connection, described', () => {
  it('gives an alert by its name', async () => {
    // Without a certificate there is nothing that a server could choose.
    assert.equal(describeConnectionError(await callError(tlsServer())), 'TLS alert: handshake failure');
  });

  it('gives the alert alone, not the version in the name of the code', () => {
    const alert = (code: string): string => describeConnectionError(Object.assign(new Error('x'), { code }));
    assert.equal(alert('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), 'TLS alert: unknown CA');
    assert.equal(alert('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'TLS alert: certificate required');
    assert.equal(alert('ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE'), 'TLS alert: handshake failure');
  });

  it('gives a reset connection as that', async () => {
    const resetting = createTcpServer((socket: Socket) => {
      socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy());
    });
    assert.equal(describeConnectionError(await callError(resetting)), 'connection reset');
  });

  it("gives the reason of the TLS library's own errors, without places in its source", async () => {
    const noTls = createTcpServer((socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const said = describeConnectionError(await callError(noTls));
    assert.equal(said, 'wrong version number');
  });

  it('gives the first line of others', () => {
    assert.equal(describeConnectionError(new Error('it is of nobody\nat all')), 'it is of nobody');
    assert.equal(describeConnectionError(new Error('')), 'connection ended');
  });
});
