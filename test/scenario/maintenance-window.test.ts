import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { systemClock } from '../../src/clock.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import { silentLogger } from '../../src/log.js';
import { run } from '../support/command.js';
import type { Finished } from '../support/command.js';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

describe('a device whose maintenance window is closed', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let config: string;
  before(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    config = join(scenario.folder, 'windows.yaml');
    // Two hours from now, whenever that is.
    const at = (hours: number): string =>
      `${new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 13)}:00`;
    const text = await readFile(scenario.configFile, 'utf8');
    const windows = `maintenanceWindows: [{from: "${at(2)}", to: "${at(3)}"}]`;
    await writeFile(config, text.replace(/^( +)urls:/m, `$1${windows}\n$1urls:`));
  });
  after(() => scenario.close());

  const command = (...args: string[]): Promise<Finished> =>
    run(process.execPath, [main, ...args, '-f', config, '--kubeconfig', scenario.kubeconfigFile]);

  it('gets its first certificate, and allowlist edits, at once', async () => {
    assert.equal((await command('apply')).exitCode, 0);
    await editAllowlist(scenario.kube, [goodCallerId, badCallerId], new AbortController().signal);
    const apply = await command('apply');
    assert.equal(apply.exitCode, 0, apply.stderr);
    assert.match(apply.stdout, /default\/sa\/default/);
  });

  it('gets no new certificate by rotate, which says when the window opens, and one by rotate --now', async () => {
    const rotate = await command('rotate', 'echo');
    assert.equal(rotate.exitCode, 1);
    assert.match(rotate.stderr, /MESH_ERR_RENEWAL_WAITS/);
    assert.match(rotate.stderr, /the next maintenance window of device \S+ opens at 20\d\d-\S+:00:00\.000Z/);
    assert.match(rotate.stderr, /bigip-mesh rotate echo --now/);
    const now = await command('rotate', 'echo', '--now');
    assert.equal(now.exitCode, 0, now.stderr);
    assert.match(now.stdout, /certificate new/);
  });
});
