import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startKubeApi } from '../../src/demo/kube-api/kube-api.js';
import type { KubeApi, KubeApiOptions } from '../../src/demo/kube-api/kube-api.js';
import { KubeClient } from '../../src/kube/client.js';
import { kinds } from '../../src/kube/kinds.js';
import { startKubeApiserver } from './kube-apiserver.js';

/** A Kubernetes API server for one suite: our double, or a real one where its programs are at hand. */
export interface TestKubeApi {
  readonly kubeconfigFile: string;
  /** As the administrator. */
  readonly kube: KubeClient;
  /** Absent when the server is a real one, which cannot be made to fail. */
  readonly double: KubeApi | undefined;
  /** A client of a kubeconfig of its own, closed with the server. */
  clientFor(token: string): Promise<KubeClient>;
  /** Makes a namespace that no other test uses. */
  createNamespace(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts the double; or etcd and kube-apiserver when `KUBEBUILDER_ASSETS` names the folder that holds them, so that
 * one suite says whether both behave alike.
 */
export function startTestKubeApi(): Promise<TestKubeApi> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  return assets === undefined || assets === '' ? startDouble() : startReal(assets);
}

/** Starts the double whatever the environment says, for suites about what only the double can do. */
export async function startDouble(
  options: KubeApiOptions = {},
): Promise<TestKubeApi & { readonly double: KubeApi }> {
  const double = await startKubeApi(options);
  const api = await wrap({ render: (token) => double.kubeconfig(token), stop: () => double.close() });
  return { ...api, double };
}

async function startReal(assets: string): Promise<TestKubeApi> {
  const server = await startKubeApiserver(assets);
  const api = await wrap({ render: (token) => server.kubeconfig(token), stop: () => server.close() });
  return { ...api, double: undefined };
}

async function wrap(server: {
  readonly render: (token?: string) => string;
  readonly stop: () => Promise<void>;
}): Promise<Omit<TestKubeApi, 'double'>> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-api-'));
  const clients: KubeClient[] = [];
  const clientOf = async (name: string, kubeconfig: string): Promise<KubeClient> => {
    await writeFile(join(folder, name), kubeconfig, { mode: 0o600 });
    const client = new KubeClient({ path: join(folder, name) });
    clients.push(client);
    return client;
  };
  const kube = await clientOf('admin', server.render());
  return {
    kubeconfigFile: join(folder, 'admin'),
    kube,
    clientFor: (token) => clientOf(randomUUID(), server.render(token)),
    createNamespace: async () => {
      const name = `test-${randomUUID().slice(0, 8)}`;
      await kube.create(kinds.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      return name;
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
