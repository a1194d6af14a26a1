import { fork, spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { systemClock } from '../../src/clock.js';
import { statusName } from '../../src/controller/status-config-map.js';
import { KubeClient } from '../../src/kube/client.js';
import { kinds } from '../../src/kube/kinds.js';
import { configMapData } from '../../src/kube/object-data.js';
import { finished, lineOf } from '../support/command.js';
import { Follower } from '../support/follower.js';
import { imageStart } from '../support/image.js';
import { repositoryRoot } from '../support/shared-data.js';
import type { DeviceRequests, FleetPlace } from './fleet-process.js';

export interface ScaleOptions {
  readonly devices: number;
  readonly servicesPerDevice: number;
  readonly entriesPerService: number;
}

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly goal: string;
}

/** Of one device, as the status ConfigMap tells. */
interface DeviceNow {
  readonly reconciledAt?: string;
  readonly syncedAt?: string;
  readonly services: Readonly<Record<string, { readonly provenAt?: string }>>;
}

/**
 * The controller as its users run it, the image's bundle in a process of its own, with many devices: mock BIG-IPs in another process, each
 * with its data plane in Tcl, because nothing is reported as done that was not proven on the wire.
 */
export async function measureScale(options: ScaleOptions): Promise<readonly Row[]> {
  const fleet = fork(fileURLToPath(new URL('./fleet-process.js', import.meta.url)), [
    JSON.stringify({ ...options, dataPlane: 'tcl' }),
  ]);
  const [{ configFile, kubeconfigFile }] = (await once(fleet, 'message')) as [FleetPlace];
  const kube = new KubeClient({ path: kubeconfigFile });
  const status = new Follower<readonly DeviceNow[]>(
    kube,
    {
      kind: kinds.configMap,
      selection: { namespace: 'mesh-edge', fieldSelector: `metadata.name=${statusName}` },
    },
    (object) => [...configMapData(object).values()].map((text) => parse(text) as DeviceNow),
  );
  const startedAt = performance.now();
  const controller = startController('-f', configFile, '--kubeconfig', kubeconfigFile);
  const ended = finished(controller);
  try {
    await lineOf(controller, /^ready /m);
    const isDone = (all: readonly DeviceNow[], since = ''): boolean =>
      all.length === options.devices &&
      all.every(({ reconciledAt = '', syncedAt = '' }) => reconciledAt > since && syncedAt > since);
    await status.first((all) => isDone(all));
    const convergedMs = performance.now() - startedAt;
    const rssMiB = [await memoryMiB(controller)];
    const first = await requestsOf(fleet);

    // Nothing happens for as long as it takes until each device has had its turn.
    const convergedAt = systemClock.now().toISOString();
    await status.first((all) => isDone(all, convergedAt));
    const resync = await requestsOf(fleet);
    rssMiB.push(await memoryMiB(controller));

    // A change in the mesh that changes nothing: every device is looked at, and every service proven, at once.
    const touchedAt = systemClock.now().toISOString();
    await touchRoots(kube);
    await status.first((all) => isDone(all, touchedAt));
    const atOnce = await requestsOf(fleet);
    rssMiB.push(await memoryMiB(controller));

    const { devices, servicesPerDevice, entriesPerService } = options;
    const services = devices * servicesPerDevice;
    const what = `${services} services on ${devices} devices, ${services * entriesPerService} entries`;
    const most = (of: readonly DeviceRequests[], key: keyof DeviceRequests): number =>
      Math.max(...of.map((one) => one[key]));
    return [
      { what: `${what}: until all are proven`, measured: `${Math.round(convergedMs / 1000)} s`, goal: '-' },
      {
        what: `${what}: requests until then`,
        measured: `${most(first, 'logins')} login, ${most(first, 'gets')} GETs, ${most(first, 'writes')} writes, ${Math.round(most(first, 'bytes') / 1024)} KiB a device`,
        goal: '1 login',
      },
      ...[
        { when: 'a resync', of: resync },
        { when: 'all devices at once', of: atOnce },
      ].map(({ when, of }) => ({
        what: `${what}: nothing to do, ${when}`,
        measured: `${most(of, 'gets')} GETs a device, ${most(of, 'writes')} writes`,
        goal: 'at most 8 GETs, 0 writes',
      })),
      {
        what: `${what}: most RSS of the controller until proven, until after a resync, all at once`,
        measured: `${rssMiB.join(' MiB, ')} MiB`,
        goal: 'at most 160 MiB',
      },
    ];
  } finally {
    controller.kill('SIGTERM');
    await ended;
    await status.close();
    await kube.close();
    const gone = once(fleet, 'exit');
    fleet.disconnect();
    await gone;
  }
}

/** As the image does, from its bundle: `npm run bundle` comes first. */
function startController(...flags: readonly string[]): ChildProcessWithoutNullStreams {
  const { nodeFlags, env } = imageStart();
  const args = ['controller', ...flags, '--http', '127.0.0.1:0', '--namespace', 'mesh-edge'];
  return spawn(process.execPath, [...nodeFlags, join(repositoryRoot, 'dist', 'bigip-mesh.js'), ...args], {
    env: { ...process.env, ...env },
  });
}

async function requestsOf(fleet: ChildProcess): Promise<readonly DeviceRequests[]> {
  const answered = once(fleet, 'message') as Promise<[readonly DeviceRequests[]]>;
  fleet.send('requests');
  return (await answered)[0];
}

async function touchRoots(kube: KubeClient): Promise<void> {
  const ref = { kind: kinds.configMap, namespace: 'istio-system', name: 'istio-ca-root-cert' };
  const object = await kube.get(ref);
  if (object === undefined) throw new Error('the fleet has a root');
  const labels = { ...object.metadata.labels, touched: 'true' };
  await kube.replace(kinds.configMap, { ...object, metadata: { ...object.metadata, labels } });
}

/** The most that a process had in memory until now, as Linux tells it. */
async function memoryMiB({ pid = 0 }: ChildProcess): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1]) / 1024);
}
