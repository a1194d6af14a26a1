import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below every system's ephemeral range, so that no outgoing connection takes the port in the meantime. */
const lowest = 20_000;
const highest = 30_000;

/**
 * A TCP port on which nobody listens, for a virtual server: its port stands in the device's configuration before
 * anything listens there, so the kernel cannot choose it at that time.
 */
export async function findFreePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, highest);
    if (await isFree(host, port)) return port;
  }
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
