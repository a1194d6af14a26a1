import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { parse } from 'yaml';

import { renderKubeconfig } from '../../src/demo/kube-api/kubeconfig.js';
import { KubeClient } from '../../src/kube/client.js';
import { kinds } from '../../src/kube/kinds.js';
import type { KubeObject } from '../../src/kube/object.js';
import { issueKubeApiTls } from './kube-api-tls.js';
import { sharedData } from './shared-data.js';

const adminToken = 'conformance-admin';

interface KubeApiserver {
  kubeconfig(token?: string): string;
  close(): Promise<void>;
}

/** Starts etcd and kube-apiserver from a folder, with Istio's definitions where they lie beside the checkout. */
export async function startKubeApiserver(assets: string): Promise<KubeApiserver> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-apiserver-'));
  const processes: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of processes.toReversed()) {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [etcdPort, peerPort, port] = await Promise.all([freePort(), freePort(), freePort()]);
    const etcd = `http://127.0.0.1:${etcdPort}`;
    processes.push(
      spawn(
        join(assets, 'etcd'),
        [
          `--data-dir=${join(folder, 'etcd')}`,
          `--listen-client-urls=${etcd}`,
          `--advertise-client-urls=${etcd}`,
          `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
        ],
        { stdio: 'ignore' },
      ),
    );
    const tls = await issueKubeApiTls();
    const signer = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const file = async (name: string, content: string): Promise<string> => {
      await writeFile(join(folder, name), content, { mode: 0o600 });
      return join(folder, name);
    };
    const signingKey = await file(
      'sa.key',
      signer.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    );
    processes.push(
      spawn(
        join(assets, 'kube-apiserver'),
        [
          `--etcd-servers=${etcd}`,
          '--bind-address=127.0.0.1',
          `--secure-port=${port}`,
          `--tls-cert-file=${await file('tls.crt', tls.certificate)}`,
          `--tls-private-key-file=${await file('tls.key', tls.key)}`,
          `--cert-dir=${folder}`,
          `--token-auth-file=${await file('tokens.csv', `${adminToken},admin,admin,system:masters\n`)}`,
          '--authorization-mode=RBAC',
          '--service-cluster-ip-range=10.96.0.0/16',
          '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
          `--service-account-signing-key-file=${signingKey}`,
          `--service-account-key-file=${signingKey}`,
          '--disable-admission-plugins=ServiceAccount',
        ],
        { stdio: 'ignore' },
      ),
    );
    const kubeconfig = (token = adminToken): string =>
      renderKubeconfig({ server: `https://127.0.0.1:${port}`, token, tls });
    await prepare(await file('kubeconfig', kubeconfig()), processes);
    return { kubeconfig, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Waits until the server answers, then until it serves Istio's kinds. */
async function prepare(kubeconfigFile: string, processes: readonly ChildProcess[]): Promise<void> {
  const kube = new KubeClient({ path: kubeconfigFile });
  try {
    await eventually(processes, () =>
      kube.get({ kind: kinds.namespace, name: 'default' }).then((found) => found !== undefined),
    );
    const crds = sharedData('istio');
    if (crds === undefined) return;
    const names = (await readdir(join(crds, 'crds'))).filter((name) => name.endsWith('.yaml'));
    for (const name of names) {
      const definition = parse(await readFile(join(crds, 'crds', name), 'utf8')) as KubeObject;
      await kube.apply(kinds.customResourceDefinition, definition, { force: true });
    }
    await eventually(processes, () => kube.list(kinds.workloadEntry).then(() => true));
  } finally {
    await kube.close();
  }
}

/** Other programs tell nobody when they are ready, so they are asked until they are, for a minute at most. */
async function eventually(
  processes: readonly ChildProcess[],
  isReady: () => Promise<boolean>,
): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (processes.some((child) => child.exitCode !== null)) throw new Error('a server ended while starting');
    if (await isReady().catch(() => false)) return;
    await delay(200);
  }
  throw new Error('the Kubernetes API server was not ready within a minute');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
