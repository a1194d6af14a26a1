import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** The service outside the mesh: it answers in capitals, and knows nothing of certificates. */
export interface EchoService {
  readonly port: number;
  close(): Promise<void>;
}

export async function startEchoService(host = '127.0.0.1'): Promise<EchoService> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('data', (chunk) => socket.write(chunk.toString('utf8').toUpperCase()));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
