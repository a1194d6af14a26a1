import type { Socket } from 'node:net';

import type { ChannelCredentials } from '@grpc/grpc-js';

/** The only place where grpc-js hands a connection out. */
const createConnectorName = '_createSecureConnector';

/**
 * Makes the connections of a channel destroyable.
 *
 * Closing a channel of grpc-js leaves a connection open for ever, and the process alive, whose TLS or HTTP/2 handshake
 * the other side never answers (seen with 1.14.7).
 *
 * @param credentials of one channel alone.
 * @returns destroys every connection that was made with them.
 */
export function trackConnections(credentials: ChannelCredentials): () => void {
  const createConnector = credentials[createConnectorName].bind(credentials);
  const sockets: Socket[] = [];
  credentials[createConnectorName] = (...given) => {
    const connector = createConnector(...given);
    const connect = connector.connect.bind(connector);
    connector.connect = (socket) => {
      sockets.push(socket);
      return connect(socket);
    };
    return connector;
  };
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}
