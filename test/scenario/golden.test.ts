import { strict as assert } from 'node:assert';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import { silentLogger } from '../../src/log.js';
import { bigipMesh, finished, lineOf, startBigipMesh } from '../support/command.js';
import type { Finished } from '../support/command.js';
import { assertGolden } from '../support/golden.js';

const { signal } = new AbortController();

/** What a person at a terminal sees: progress and errors, then the result. */
function seen({ exitCode, stdout, stderr }: Finished): string {
  const progress = stderr === '' ? '' : `${stderr}----\n`;
  return `${progress}${stdout}[exit code ${exitCode}]\n`;
}

describe('what each command prints', function () {
  this.timeout(30_000);
  let scenario: Scenario;
  const command = (...args: string[]): Promise<Finished> =>
    bigipMesh([...args, '-f', scenario.configFile, '--kubeconfig', scenario.kubeconfigFile]);

  before(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
  });
  after(() => scenario.close());

  // One story: each step finds what the steps before it left.
  const story: ReadonlyArray<
    readonly [name: string, args: readonly string[], before?: () => Promise<unknown>]
  > = [
    ['plan-new-device', ['plan']],
    ['plan-new-device-asked', ['plan', '--device']],
    ['status-new-device', ['status']],
    ['apply', ['apply']],
    ['apply-again', ['apply']],
    ['status', ['status']],
    ['status-service', ['status', 'echo']],
    ['status-json', ['status', '-o', 'json']],
    ['verify', ['verify', 'echo']],
    ['vet', ['vet']],
    ['render', ['render']],
    [
      'plan-edit',
      ['plan', '--device', '--detailed-exitcode'],
      () => editAllowlist(scenario.kube, [goodCallerId, badCallerId], signal),
    ],
    ['plan-edit-json', ['plan', '-o', 'json']],
    ['rotate', ['rotate', 'echo', '--now']],
    ['explain-allowed', ['explain', goodCallerId, '--service', 'echo']],
    ['explain-rejected', ['explain', 'spiffe://cluster.local/ns/default/sa/nobody', '--service', 'echo']],
    ['deregister', ['deregister', 'echo']],
    ['register', ['register', 'echo']],
    ['deny', ['deny', 'echo', '--caller', badCallerId]],
    ['no-such-service', ['verify', 'ecko']],
  ];
  for (const [name, args, prepare] of story) {
    it(`bigip-mesh ${args.join(' ')}: ${name}`, async () => {
      await prepare?.();
      assertGolden(name, seen(await command(...args)));
    });
  }

  it('bigip-mesh controller: its first line, and its end', async () => {
    const controller = startBigipMesh([
      'controller',
      '-f',
      scenario.configFile,
      '--kubeconfig',
      scenario.kubeconfigFile,
      '--http',
      '127.0.0.1:0',
      '--log-level',
      'warn',
    ]);
    const ended = finished(controller);
    await lineOf(controller, /^ready http:\S+$/m);
    controller.kill('SIGTERM');
    assertGolden('controller', seen(await ended));
  });

  it('bigip-mesh mock: its first line, and its end', async () => {
    const mock = startBigipMesh(['mock', '--listen', '127.0.0.1:0', '--user', 'admin:secret']);
    const ended = finished(mock);
    await lineOf(mock, /^ready https:\S+$/m);
    mock.kill('SIGTERM');
    assertGolden('mock', seen(await ended));
  });

  it('bigip-mesh demo', async () => {
    const demo = await bigipMesh(['demo']);
    assert.equal(demo.exitCode, 0, demo.stderr);
    assertGolden('demo', seen(demo));
  });

  it('bigip-mesh --help, and the help of each command', async () => {
    const help = await bigipMesh(['--help']);
    const names = [...help.stdout.matchAll(/^ {2}([a-z]+)\b/gm)].map(([, name = '']) => name);
    const commands = names.filter((name) => name !== 'help');
    assert.ok(commands.length >= 16, commands.join(' '));
    const texts = await Promise.all(commands.map((name) => bigipMesh([name, '--help'])));
    assertGolden('help', [help, ...texts].map(seen).join('\n'));
  });

  for (const shell of ['bash', 'zsh', 'fish']) {
    it(`bigip-mesh completion ${shell}`, async () => {
      assertGolden(`completion-${shell}`, seen(await bigipMesh(['completion', shell])));
    });
  }

  it('a config file with a mistake', async () => {
    const file = join(scenario.folder, 'wrong.yaml');
    await writeFile(file, 'apiVersion: bigip-mesh.io/v1\nkind: AgentConfig\ndevices: []\nservice: []\n');
    assertGolden('config-mistake', seen(await bigipMesh(['plan', '-f', file])));
  });
});
