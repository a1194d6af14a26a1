import { strict as assert } from 'node:assert';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { issueKubeApiTls } from '../../../support/kube-api-tls.js';
import { startDouble } from '../../../support/kube-api.js';
import { skipBecause } from '../../../support/skip.js';

const run = promisify(execFile);

describe('kubectl against the double', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  let folder: string;

  before(async function () {
    if (spawnSync('kubectl', ['version', '--client']).status !== 0) {
      skipBecause(this, 'kubectl is not on the PATH');
    }
    folder = await mkdtemp(join(tmpdir(), 'kubectl-'));
    // Over plain HTTP kubectl would send no token.
    api = await startDouble({ tls: await issueKubeApiTls() });
  });
  after(async () => {
    await api?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const kubectl = async (...words: string[]): Promise<string> => {
    const environment = { ...process.env, HOME: folder };
    const { stdout } = await run('kubectl', ['--kubeconfig', api.kubeconfigFile, ...words], {
      env: environment,
    });
    return stdout;
  };
  const manifest = async (allow: string): Promise<string> => {
    const file = join(folder, 'allowlist.yaml');
    await writeFile(
      file,
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: echo-callers, namespace: default}\ndata: {allow: ${allow}}\n`,
    );
    return file;
  };

  it('applies, conflicts, reads, labels, patches and deletes', async () => {
    const apply = ['apply', '--server-side', '-f'];
    assert.match(await kubectl(...apply, await manifest('first')), /serverside-applied/);
    await assert.rejects(
      kubectl(...apply, await manifest('second'), '--field-manager', 'other'),
      /conflict with "kubectl" using v1: \.data\.allow/,
    );
    await kubectl(...apply, await manifest('second'), '--field-manager', 'other', '--force-conflicts');
    await kubectl('label', 'configmap', 'echo-callers', 'a=b');
    await kubectl('patch', 'cm', 'echo-callers', '-p', '{"data":{"mode":"audit"}}');
    const read = await kubectl('get', 'cm', '-l', 'a=b', '-o', 'jsonpath={.items[*].data}');
    assert.deepEqual(JSON.parse(read), { allow: 'second', mode: 'audit' });
    assert.match(await kubectl('delete', 'cm', 'echo-callers'), /deleted/);
    await assert.rejects(
      kubectl('get', 'cm', 'echo-callers'),
      /\(NotFound\): configmaps "echo-callers" not found/,
    );
  }).timeout(30_000);
});
