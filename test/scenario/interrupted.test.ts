import { strict as assert } from 'node:assert';
import { systemClock } from '../../src/clock.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { silentLogger } from '../../src/log.js';
import { bigipMesh, finished, startBigipMesh } from '../support/command.js';

/** Progress lines of apply, each with what Ctrl-C at that moment may leave behind. */
const moments = [
  'reading the device',
  'changing the device, in one transaction',
  'saving the configuration',
  'proving on the wire',
] as const;

describe('apply, interrupted by Ctrl-C', function () {
  this.timeout(30_000);
  let scenario: Scenario;
  beforeEach(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    // Slow enough to be caught in the act.
    scenario.bigIp.faults.inject({ fault: 'latency', path: '/mgmt/tm', ms: 10 });
  });
  afterEach(() => scenario.close());

  for (const moment of moments) {
    it(`while ${moment}: says what was done, leaves nothing half-done, and goes on the next time`, async () => {
      const args = ['apply', '-f', scenario.configFile, '--kubeconfig', scenario.kubeconfigFile];
      const child = startBigipMesh(args);
      child.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes(`edge: ${moment}`)) child.kill('SIGINT');
      });
      const { exitCode, stderr } = await finished(child);
      assert.equal(exitCode, 1, stderr);
      const requests = scenario.bigIp.requests.map(({ method, path }) => `${method} ${path}`);
      const isCommitted = requests.includes('POST /mgmt/tm/sys/config');
      assert.match(
        stderr,
        isCommitted
          ? /interrupted: the change of device edge is complete and saved, /
          : /interrupted: nothing was changed on device edge/,
      );
      const opened = requests.filter((request) => request === 'POST /mgmt/tm/transaction').length;
      const ended = requests.filter((request) =>
        /^(PATCH|DELETE) \/mgmt\/tm\/transaction\/\d+$/.test(request),
      );
      assert.equal(ended.length, opened, requests.join('\n'));
      const uploaded = requests.some((request) => request.startsWith('POST /mgmt/shared/file-transfer/'));
      assert.equal(requests.includes('POST /mgmt/tm/util/unix-rm'), uploaded);
      const logins = requests.filter((request) => request === 'POST /mgmt/shared/authn/login').length;
      const logouts = requests.filter((request) => request.startsWith('DELETE /mgmt/shared/authz/tokens/'));
      assert.equal(logouts.length, logins);

      scenario.bigIp.faults.clear();
      const again = await bigipMesh(args);
      assert.equal(again.exitCode, 0, again.stderr);
    });
  }
});
