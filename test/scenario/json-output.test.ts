import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Output } from '../../src/cli/output.js';
import { commandLine, runCli } from '../../src/cli/program.js';
import { systemClock } from '../../src/clock.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { badCallerId, deviceUser, goodCallerId } from '../../src/demo/surroundings.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import { bigipMesh } from '../support/command.js';
import { DocumentedJson, jsonSections } from '../support/documented-json.js';
import { repositoryRoot } from '../support/shared-data.js';
import { ManagementClient } from '../unit/mock/management-client.js';

const page = readFileSync(join(repositoryRoot, 'docs/reference/json.md'), 'utf8');
const sections = jsonSections(page);
const documented = new Map([...sections].map(([name, section]) => [name, new DocumentedJson(section)]));

class Text extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    this.emit('more');
    done();
  }
}

describe('the JSON that commands print', function () {
  this.timeout(60_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
  });
  after(() => scenario.close());

  /** The objects that a command prints; it is interrupted as soon as it has printed this many. */
  async function printed(
    args: readonly string[],
    { exitCode = 0, endAfter }: { readonly exitCode?: number; readonly endAfter?: number } = {},
  ): Promise<unknown[]> {
    const [stdout, stderr] = [new Text(), new Text()];
    const interrupt = new AbortController();
    stdout.on('more', () => {
      if (endAfter !== undefined && stdout.text.split('\n').length > endAfter) interrupt.abort();
    });
    const seen = await runCli([...args, '-o', 'json'], ({ output }) => ({
      output: new Output({ stdout, stderr }, output),
      logger: silentLogger(),
      clock: systemClock,
      signal: interrupt.signal,
    }));
    assert.equal(seen, exitCode, `${stdout.text}${stderr.text}`);
    const lines = stdout.text.split('\n');
    assert.equal(lines.pop(), '');
    return lines.map((line) => JSON.parse(line) as unknown);
  }

  function config(...args: readonly string[]): readonly string[] {
    return [...args, '-f', scenario.configFile, '--kubeconfig', scenario.kubeconfigFile];
  }

  async function edited(name: string, edit: (text: string) => string): Promise<string> {
    const file = join(scenario.folder, name);
    await writeFile(file, edit(await readFile(scenario.configFile, 'utf8')));
    return file;
  }

  function check(name: string, values: readonly unknown[]): void {
    const shape = documented.get(name);
    assert.ok(shape !== undefined, `json.md has no section ${name}`);
    assert.ok(values.length > 0);
    for (const value of values) assert.deepEqual(shape.objections(value), [], JSON.stringify(value));
  }

  it('is held to the page: members too many, too few and of another type are told', () => {
    const shape = new DocumentedJson(
      '| `a` | string | yes | x |\n| `b[].c` | number or null | yes | x |\n| `d` | any object | no | x |',
    );
    assert.deepEqual(shape.objections({ a: 'x', b: [{ c: 1 }, { c: null }], d: { e: 1 } }), []);
    assert.deepEqual(shape.neverSeen, []);
    assert.deepEqual(shape.objections({ b: [{}], z: 1 }), [
      'z (number) is not documented',
      'a is missing',
      'b[].c is missing',
    ]);
    assert.deepEqual(shape.objections({ a: 1, b: [{ c: 'x' }], d: 'x' }), [
      'a is of type number',
      'b[].c is of type string',
      'd is of type string',
    ]);
  });

  it('is documented for every command that there is', () => {
    const names = commandLine().commands.map((command) => command.name());
    assert.deepEqual([...sections.keys()].toSorted(), ['Errors', ...names].toSorted());
  });

  it('is as documented for plan, apply, status, verify and vet, before and after an apply', async () => {
    check('plan', await printed(config('plan')));
    check('status', await printed(config('status'), { exitCode: 1 }));
    check('apply', await printed(config('apply')));
    check('plan', await printed(config('plan')));
    check('status', await printed(config('status', 'echo')));
    check('verify', await printed(config('verify', 'echo')));
    check('vet', await printed(config('vet')));
  });

  it('is as documented for rotate, deny, register and deregister', async () => {
    check('apply', await printed(config('rotate', 'echo')));
    check('deny', await printed(config('deny', 'echo', '--caller', badCallerId)));
    check('deregister', await printed(config('deregister', 'echo')));
    check('register', await printed(config('register', 'echo')));
  });

  it('is as documented for a plan that the device has checked, and for what cannot be proven', async () => {
    const { kube } = scenario;
    const ref = { kind: kinds.configMap, namespace: 'default', name: 'echo-callers' };
    const before = await kube.get(ref);
    assert.ok(before !== undefined);
    await kube.replace(kinds.configMap, { ...before, data: { allow: goodCallerId, mode: 'audit' } });
    const [plan] = await printed(config('plan', '--device'));
    assert.ok((plan as { validated?: string }).validated !== undefined);
    check('plan', [plan]);
    check('apply', await printed(config('apply')));
    check('verify', await printed(config('verify', 'echo')));
  });

  it('is as documented for an object of somebody else, a device that is not the expected one, and errors', async () => {
    const client = new ManagementClient(scenario.bigIp);
    client.useBasic(deviceUser.name, deviceUser.password);
    const taken = await client.send('PATCH', '/mgmt/tm/ltm/pool/~mesh~echo_pool', {
      body: { description: 'taken over' },
    });
    assert.equal(taken.status, 200);
    const moved = await edited('moved.yaml', (text) =>
      text.replace(/backends: .*/, 'backends: ["127.0.0.1:9"]'),
    );
    const kubeconfig = ['--kubeconfig', scenario.kubeconfigFile];
    check('plan', await printed(['plan', '-f', moved, ...kubeconfig], { exitCode: 1 }));
    check('Errors', (await printed(['apply', '-f', moved, ...kubeconfig], { exitCode: 1 })).slice(-1));
    client.close();

    const stranger = await edited('stranger.yaml', (text) =>
      text.replace(/caFile: "[^"]+"/, `sha256: "${'AB:'.repeat(31)}AB"`),
    );
    check('status', await printed(['status', '-f', stranger, ...kubeconfig], { exitCode: 1 }));
    check('vet', await printed(['vet', '-f', stranger, ...kubeconfig]));
    check('Errors', await printed(['apply', '-f', stranger, ...kubeconfig], { exitCode: 1 }));
    check('Errors', await printed(config('verify', 'ecko'), { exitCode: 3 }));
    // The parser tells of it on the process's own stderr, too.
    const unparsed = await bigipMesh(['plan', '-o', 'json']);
    assert.equal(unparsed.exitCode, 3);
    check('Errors', [JSON.parse(unparsed.stdout)]);
  });

  it('is as documented for commands without a device', async () => {
    const file = join(scenario.folder, 'callers.txt');
    await writeFile(file, `${goodCallerId}\n`);
    check('explain', await printed(['explain', goodCallerId, '--allowlist', file]));
    check('explain', await printed(config('explain', badCallerId, '--service', 'echo')));
    check('explain', await printed(['explain', 'spiffe://x', '--allowlist', file]));
    check('render', await printed(config('render')));
    check('render', await printed(config('render', '--only', 'device-user')));
    check('completion', await printed(['completion', 'bash']));
    check('version', await printed(['version']));
  });

  it('is as documented for commands that go on until they are interrupted', async () => {
    const mock = ['mock', '--listen', '127.0.0.1:0', '--user', 'admin:secret'];
    check('mock', await printed([...mock, '--control', '127.0.0.1:0'], { endAfter: 1 }));
    check('mock', await printed(mock, { endAfter: 1 }));
    check('controller', await printed(config('controller', '--http', '127.0.0.1:0'), { endAfter: 1 }));
  });

  it('is as documented for the demo', async () => {
    check('demo', await printed(['demo']));
  });

  it('has had every member that is documented as always there', () => {
    for (const [name, shape] of documented) assert.deepEqual(shape.neverSeen, [], name);
  });
});
