import { systemClock } from '../../../src/clock.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import { silentLogger } from '../../../src/log.js';
import { Secret } from '../../../src/secret.js';

/*
 * A process that logs in and then waits to be killed: `node logged-in-client.js URL FINGERPRINT`, the password in the
 * environment. Prints one line when it has read something.
 */

const [url = '', fingerprint256 = ''] = process.argv.slice(2);
const client = new IControlClient({
  url,
  credentials: () =>
    Promise.resolve({ username: 'mesh', password: new Secret(process.env['DEVICE_PASSWORD'] ?? '') }),
  tls: { fingerprint256 },
  clock: systemClock,
  logger: silentLogger(),
});
await client.system.observeVersion();
process.stdout.write('logged in\n');
// Nothing else keeps the process alive once the connection has idled out.
setInterval(() => undefined, 1000);
