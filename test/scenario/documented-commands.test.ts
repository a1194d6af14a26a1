import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { completedCommands } from '../../src/cli/completion.js';
import { commandLine } from '../../src/cli/program.js';
import { run } from '../support/command.js';
import { fits, readPage } from '../support/console-blocks.js';
import { withoutChance } from '../support/golden.js';
import { notRun } from '../support/not-run.js';
import { runPage } from '../support/page-session.js';
import type { StepResult } from '../support/page-session.js';
import { repositoryRoot } from '../support/shared-data.js';
import { skipBecause } from '../support/skip.js';

const pages = ['README.md', ...markdownUnder('docs')].map((file) => {
  const text = readFileSync(join(repositoryRoot, file), 'utf8');
  return { file, text, ...readPage(text) };
});
const pagesToRun = pages.filter(({ steps }) => steps.some(({ is }) => is === 'command'));

function markdownUnder(folder: string): string[] {
  return readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
    .toSorted();
}

function check(page: string, { step, lines, exitCode }: StepResult): void {
  if (step.is === 'hidden') assert.equal(exitCode, 0, `${page}: ${step.command}\n${lines.join('\n')}`);
  if (step.is !== 'command') return;
  const { line, command, output, exitCode: shownExitCode } = step.shown;
  const place = `${page}:${line}: ${command}`;
  assert.equal(exitCode, shownExitCode, `${place}\n${lines.join('\n')}`);
  const shown = output.length === 0 ? [] : withoutChance(output.join('\n')).split('\n');
  if (!fits(shown, lines)) assert.equal(lines.join('\n'), shown.join('\n'), place);
}

/** The bundle, as the image has it: it starts in half the time. */
async function bundle(folder: string): Promise<string> {
  const script = ['run', '--silent', 'bundle', '--', `--outdir=${join(folder, 'dist')}`];
  const { exitCode, stderr } = await run('npm', ['--prefix', repositoryRoot, ...script]);
  assert.equal(exitCode, 0, stderr);
  for (const name of ['irules', 'package.json'])
    await cp(join(repositoryRoot, name), join(folder, name), { recursive: true });
  return join(folder, 'dist', 'bigip-mesh.js');
}

describe('the commands that the documentation shows', function () {
  this.timeout(120_000);
  let folder: string;
  const sessions = new Map<string, Promise<readonly StepResult[]>>();

  before(async function () {
    if (spawnSync('kubectl', ['version', '--client']).status !== 0)
      skipBecause(this, 'kubectl is not on the PATH, and pages show it');
    folder = await mkdtemp(join(tmpdir(), 'documented-commands-'));
    const program = await bundle(folder);
    // Three at a time, the longest ones first: a page mostly waits for its own processes.
    let lanes: Array<Promise<unknown>> = Array.from({ length: 3 }, () => Promise.resolve());
    for (const { file, text } of pagesToRun.toSorted((one, other) => other.steps.length - one.steps.length)) {
      const [lane = Promise.resolve(), ...others] = lanes;
      const session = lane.then(() => runPage(text, program));
      sessions.set(file, session);
      lanes = [...others, session.catch(() => undefined)];
    }
  });
  after(async () => {
    await Promise.allSettled(sessions.values());
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  for (const { file } of pagesToRun) {
    it(`print what ${file} says`, async () => {
      for (const result of (await sessions.get(file)) ?? assert.fail()) check(file, result);
    });
  }
});

describe('a command that the documentation shows', () => {
  const programs =
    /^(?:\$ )?(?:npx --no-install )?(bigip-mesh|curl|git|helm|istats|kubectl|npm|npx|openssl|spire-server)\s/;
  const ours = /^(npx --no-install )?bigip-mesh /;
  const commands = new Map(completedCommands(commandLine()).map((command) => [command.name, command]));

  it('stands in a block that is run, or in the list of those that cannot be, with the reason', () => {
    const run = new Set(
      pages.flatMap(({ steps }) =>
        steps.flatMap((step) => (step.is === 'command' ? [normal(step.shown.command)] : [])),
      ),
    );
    const unused = new Set(Object.keys(notRun));
    const stray = pages.flatMap(({ file, code, inline }) =>
      [
        ...code.filter(({ command }) => programs.test(command)),
        // A sentence may name a command that is run on another page.
        ...inline.filter(({ command }) => ours.test(command) && !run.has(normal(command))),
      ].flatMap(({ line, command }) => {
        unused.delete(normal(command));
        return isForm(command) || normal(command) in notRun ? [] : [`${file}:${line}: ${command}`];
      }),
    );
    assert.deepEqual(stray, [], 'no test runs');
    assert.deepEqual([...unused], [], 'are on no page any more');
  });

  it('names commands and flags that there are, also where it only says its form', () => {
    for (const { file, steps, code, inline } of pages) {
      const shown = steps.flatMap((step) =>
        step.is === 'command' ? [{ line: step.shown.line, command: step.shown.command }] : [],
      );
      for (const { line, command } of [...code, ...inline, ...shown]) {
        const [, name = '', rest = ''] =
          /^(?:npx --no-install )?bigip-mesh ([a-z][a-z-]*)\b([^|]*)/.exec(command) ?? [];
        if (name === '') continue;
        const known = commands.get(name)?.flags.flatMap(({ spellings }) => spellings);
        assert.ok(known !== undefined, `${file}:${line}: ${command}`);
        for (const [flag] of rest.matchAll(/(?<=[\s[])--?[a-z][a-z-]*/g))
          assert.ok(known.includes(flag), `${file}:${line}: ${flag} of ${command}`);
      }
    }
  });

  /** `bigip-mesh rotate SERVICE`, `bigip-mesh vet`: for the reader to complete. */
  function isForm(command: string): boolean {
    return /\b[A-Z][A-Z-]+\b|\.\.\.|\[/.test(command) || /^bigip-mesh [a-z]+$/.test(command);
  }

  function normal(command: string): string {
    return command
      .replace(/^\$ /, '')
      .replace(/^npx --no-install /, '')
      .replace(/\s+#.*$/, '');
  }
});
