import { strict as assert } from 'node:assert';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { repositoryRoot } from '../support/shared-data.js';

const source = join(repositoryRoot, 'src');

interface SourceFile {
  /** Below src, with slashes: `icontrol/client.ts`. */
  readonly path: string;
  readonly text: string;
  /** Packages and, for our own files, paths below src. */
  readonly imports: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .map((path) => {
    const text = readFileSync(join(source, path), 'utf8');
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
      (match) => match[1] ?? '',
    );
    const imports = specifiers.map((specifier) =>
      specifier.startsWith('.')
        ? relative(source, join(source, dirname(path), specifier.replace(/\.js$/, '.ts')))
        : specifier,
    );
    return { path, text, imports };
  });

const folder = (path: string): string => path.split('/')[0] ?? '';

/** Who imports something that the predicate recognises. */
function importers(isMeant: (imported: string) => boolean): string[] {
  return files.filter(({ imports }) => imports.some(isMeant)).map(({ path }) => path);
}

describe('the layout', () => {
  it('has source files to look at', () => assert.ok(files.length > 50, String(files.length)));

  const owners: ReadonlyArray<[packages: readonly string[], owner: (path: string) => boolean, name: string]> =
    [
      [['axios'], (path) => path === 'icontrol/client.ts', 'icontrol/client.ts'],
      [['@kubernetes/client-node'], (path) => folder(path) === 'kube', 'kube'],
      [
        ['pkijs', 'asn1js', 'node-forge'],
        (path) => ['pki', 'mock'].includes(folder(path)),
        'pki, and the mock for its own',
      ],
      [['commander'], (path) => folder(path) === 'cli', 'cli'],
      [['@grpc/grpc-js', '@grpc/proto-loader'], (path) => folder(path) === 'identity', 'identity'],
      [['@marcbachmann/cel-js'], (path) => path.startsWith('mesh/validation/'), 'mesh/validation'],
    ];
  it('knows packages that are really imported', () => {
    const unused = owners
      .flatMap(([packages]) => packages)
      .filter((name) => importers((imported) => imported === name).length === 0);
    assert.deepEqual(unused, []);
  });
  for (const [packages, isOwner, name] of owners) {
    it(`imports ${packages.join(', ')} in ${name} only`, () => {
      const strangers = importers((imported) => packages.includes(imported)).filter((path) => !isOwner(path));
      assert.deepEqual(strangers, []);
    });
  }

  it('keeps the mock free of the client, so that it cannot share its mistakes', () => {
    const shared = files.filter(
      ({ path, imports }) =>
        folder(path) === 'mock' && imports.some((imported) => folder(imported) === 'icontrol'),
    );
    assert.deepEqual(
      shared.map(({ path }) => path),
      [],
    );
  });

  it('keeps the client free of the mesh: it could be published alone', () => {
    const leaves = ['errors.ts', 'parsed.ts', 'secret.ts', 'clock.ts', 'linked-signal.ts', 'log.ts'];
    const foreign = files
      .filter(({ path }) => folder(path) === 'icontrol')
      .flatMap(({ imports }) => imports.filter((imported) => imported.endsWith('.ts')))
      .filter((imported) => folder(imported) !== 'icontrol' && !leaves.includes(imported));
    assert.deepEqual(foreign, []);
  });

  const pure = ['spiffe', 'allowlist'];
  const planning = [
    'plan',
    'desired',
    'canonical',
    'change-set',
    'ledger',
    'ownership',
    'names',
    'retirement',
  ];
  it('keeps parsing, matching and planning free of I/O and of the clock', () => {
    const impure = /^node:(fs|net|tls|http|https|child_process|dns|timers)|^\.\.\/clock|^clock\.ts$/;
    const offenders = files.filter(
      ({ path, imports }) =>
        (pure.includes(folder(path)) || planning.some((name) => path === `reconcile/${name}.ts`)) &&
        imports.some((imported) => impure.test(imported) && imported !== 'node:net'),
    );
    assert.deepEqual(
      offenders.map(({ path }) => path),
      [],
    );
  });

  it('shows products of the demo to nobody but the demo, its command and tests', () => {
    const users = importers((imported) => folder(imported) === 'demo').filter(
      (path) => folder(path) !== 'demo' && path !== 'cli/demo.ts',
    );
    assert.deepEqual(users, []);
  });

  // vet knows by the permissions that render prints what the agent has to be able to do.
  const views: ReadonlyArray<[view: string, readers: readonly string[]]> = [
    ['vet', ['vet', 'cli']],
    ['status', ['status', 'cli']],
    ['render', ['render', 'vet', 'cli']],
  ];
  for (const [view, readers] of views) {
    it(`lets ${view} look at everything and nothing but its commands look at it`, () => {
      const users = importers((imported) => imported.startsWith(`${view}/`)).map(folder);
      assert.deepEqual(
        [...new Set(users)].filter((user) => !readers.includes(user)),
        [],
      );
      const edges = files
        .filter(({ path }) => folder(path) === view)
        .flatMap(({ imports }) => imports.filter((imported) => /^(cli|demo|mock)\//.test(imported)));
      assert.deepEqual(edges, []);
    });
  }

  it('ends the process in main.ts only', () => {
    const enders = files.filter(({ text }) => /process\.exit\(/.test(text)).map(({ path }) => path);
    assert.deepEqual(enders, ['main.ts']);
  });

  it('has no drawers and no barrels', () => {
    const drawers = files.filter(({ path }) =>
      /(^|\/)(utils?|helpers?|common|misc|index)(\.ts|\/)/.test(path),
    );
    assert.deepEqual(
      drawers.map(({ path }) => path),
      [],
    );
  });

  it('never turns the verification of TLS off out of sight', () => {
    const offenders = files
      .filter(({ text }) => /rejectUnauthorized:\s*false|NODE_TLS_REJECT_UNAUTHORIZED/.test(text))
      .map(({ path }) => path)
      // The device client's explicit and loud `insecure`, and the mock, which judges client certificates itself.
      .filter((path) => path !== 'icontrol/trust.ts' && folder(path) !== 'mock');
    assert.deepEqual(offenders, []);
  });
});
