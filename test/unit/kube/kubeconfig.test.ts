import { strict as assert } from 'node:assert';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { AgentError } from '../../../src/errors.js';
import { KubeClient } from '../../../src/kube/client.js';
import type { KubeClientOptions } from '../../../src/kube/client.js';

const good = `
apiVersion: v1
kind: Config
clusters:
- {name: one, cluster: {server: "https://192.0.2.1:6443"}}
- {name: two, cluster: {server: "https://192.0.2.2:6443/"}}
- {name: plain, cluster: {server: "http://192.0.2.3:8080"}}
users:
- {name: me, user: {token: hunter2}}
contexts:
- {name: first, context: {cluster: one, user: me}}
- {name: second, context: {cluster: two, user: me}}
- {name: clusterless, context: {cluster: gone, user: me}}
- {name: userless, context: {cluster: one, user: gone}}
- {name: unencrypted, context: {cluster: plain, user: me}}
current-context: first
`;

const serverOf = async (options: KubeClientOptions): Promise<string> => {
  const client = new KubeClient(options);
  await client.close();
  return client.server;
};

const refusal = (options: KubeClientOptions): AgentError => {
  try {
    // oxlint-disable-next-line no-new
    new KubeClient(options);
  } catch (error) {
    assert.ok(error instanceof AgentError);
    assert.equal(error.code, 'MESH_ERR_KUBE_CONFIG');
    assert.equal(error.consequence, 'invalid');
    assert.ok(!error.message.includes('\n') && !error.message.includes('hunter2'), error.message);
    return error;
  }
  return assert.fail('it was accepted');
};

describe('the kubeconfig', () => {
  let folder: string;
  let file: string;
  const environment = { ...process.env };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
    file = join(folder, 'config');
    await writeFile(file, good);
  });
  afterEach(async () => {
    process.env = { ...environment };
    await rm(folder, { recursive: true, force: true });
  });

  it('gives the server of its current context', async () => {
    assert.equal(await serverOf({ path: file }), 'https://192.0.2.1:6443');
  });

  it('gives the server of the named context', async () => {
    assert.equal(await serverOf({ path: file, context: 'second' }), 'https://192.0.2.2:6443');
  });

  it('is the one of KUBECONFIG where none is named', async () => {
    process.env['KUBECONFIG'] = file;
    assert.equal(await serverOf({ context: 'second' }), 'https://192.0.2.2:6443');
  });

  it('is the one in the home folder where there is no KUBECONFIG', async () => {
    delete process.env['KUBECONFIG'];
    process.env['HOME'] = folder;
    assert.match(refusal({}).message, /found neither a kubeconfig nor a service account/);
  });

  it('names the file that does not exist', () => {
    assert.match(refusal({ path: join(folder, 'nope') }).message, /nope: cannot be read \(ENOENT\)$/);
  });

  it('names the contexts there are when it lacks the one that is asked for', () => {
    const { message, nextStep } = refusal({ path: file, context: 'third' });
    assert.match(message, /has no context "third"$/);
    assert.match(nextStep, /first, second/);
  });

  for (const [context, what] of [
    ['clusterless', /unknown cluster "gone"/],
    ['userless', /unknown user "gone"/],
    ['unencrypted', /addressed by http/],
  ] as const) {
    it(`is refused when the context is ${context}`, () => {
      assert.match(refusal({ path: file, context }).message, what);
    });
  }

  for (const [what, text] of [
    ['not YAML', 'users: [{name: hunter2'],
    ['empty', ''],
    ['of something else', 'hunter2'],
    ['lacking the server', 'clusters: [{name: one, cluster: {}}]'],
    ['lacking a current context', good.replace('current-context: first', '')],
  ] as const) {
    it(`is refused when it is ${what}, without quoting it`, async () => {
      await writeFile(file, text);
      refusal({ path: file });
    });
  }
});
