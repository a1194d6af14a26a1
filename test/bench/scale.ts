import { Agent } from '../../src/agent.js';
import { systemClock } from '../../src/clock.js';
import { Controller } from '../../src/controller/controller.js';
import type { DeviceStatus } from '../../src/controller/device-status.js';
import { Metrics } from '../../src/controller/metrics.js';
import type { RequestRecord } from '../../src/icontrol/request.js';
import { silentLogger } from '../../src/log.js';
import { startFleet } from './fleet.js';

export interface ScaleOptions {
  readonly devices: number;
  readonly servicesPerDevice: number;
}

const passes = 5;

/**
 * One controller with many devices: mock BIG-IPs in the same process, each with its data plane in Tcl, so that the
 * memory is that of the controller and of what it works with, and the time is mostly the mocks'.
 */
export async function measureScale({
  devices,
  servicesPerDevice,
}: ScaleOptions): Promise<
  ReadonlyArray<{ readonly what: string; readonly measured: string; readonly goal: string }>
> {
  const fleet = await startFleet({ devices, servicesPerDevice, dataPlane: 'tcl' });
  const logger = silentLogger();
  const stop = new AbortController();
  const requests = new Map<string, RequestRecord[]>(fleet.config.devices.map(({ name }) => [name, []]));
  const all = (holds: (record: RequestRecord) => boolean): readonly number[] =>
    [...requests.values()].map((records) => records.filter(holds).length);
  const startedAt = performance.now();
  const agent = await Agent.open({
    config: fleet.config,
    kubeconfig: fleet.kubeconfigFile,
    clock: systemClock,
    logger,
    signal: stop.signal,
    onRequest: (device, record) => requests.get(device)?.push(record),
  });
  const statuses = new Map<string, DeviceStatus>();
  let settled: (() => void) | undefined;
  const controller = new Controller({
    agent,
    namespace: 'mesh-edge',
    holder: 'bench',
    metrics: new Metrics(),
    clock: systemClock,
    random: Math.random,
    logger,
    onReported: (status) => {
      statuses.set(status.device, status);
      if (statuses.size === devices && [...statuses.values()].every(isConverged)) settled?.();
    },
  });
  const converged = new Promise<void>((resolve) => (settled = resolve));
  const running = controller.run(stop.signal);
  const rssMiB: number[] = [];
  const measureRss = (): void => {
    rssMiB.push(Math.round(process.memoryUsage().rss / 2 ** 20));
  };
  const sent = { gets: 0, writes: 0 };
  let logins: readonly number[] = [];
  try {
    await converged;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    process.stderr.write(`${devices} devices with ${servicesPerDevice} services each: ${seconds} s\n`);
    measureRss();
    logins = all(({ path }) => path.endsWith('/login'));
    for (let pass = 1; pass <= passes; pass += 1) {
      for (const records of requests.values()) records.length = 0;
      for (const bigIp of fleet.bigIps) bigIp.forgetRequests();
      for (const device of fleet.config.devices) {
        // Through the agent, so that a pass has an end: the controller looks again in ten minutes.
        const { proofs } = await agent.reconcile(device, { mode: 'apply', prove: new Set() });
        if (proofs.size > 0) throw new Error('a pass with nothing to do proves nothing');
      }
      sent.gets = Math.max(sent.gets, ...all(({ method }) => method === 'GET'));
      sent.writes += all(({ method }) => method !== 'GET').reduce((sum, one) => sum + one, 0);
    }
    measureRss();
  } finally {
    stop.abort(new Error('the bench is over'));
    await running;
    await agent.close();
    await fleet.close();
  }
  const [before = NaN, after = NaN] = rssMiB;
  const what = `${devices * servicesPerDevice} services on ${devices} devices, one controller`;
  const services = [...statuses.values()].flatMap((status) => [...status.services.values()]);
  return [
    {
      what: `${what}: converged`,
      measured: `${services.filter(({ failure }) => failure === undefined).length} services`,
      goal: `all${devices * servicesPerDevice < 1000 ? ', and of a thousand: --services 50' : ''}`,
    },
    {
      what: `${what}: nothing to do`,
      measured: `${sent.gets} GETs a device, ${sent.writes} writes`,
      goal: 'at most 8 GETs, 0 writes',
    },
    { what: `${what}: logins`, measured: `${Math.max(...logins)} a device`, goal: '1 a device' },
    {
      what: `${what}: RSS, and after ${passes} passes (mocks included)`,
      measured: `${before} MiB, ${(after / before).toFixed(2)} times`,
      goal: '-',
    },
  ];
}

function isConverged({ failure, syncedAt, services }: DeviceStatus): boolean {
  return (
    failure === undefined &&
    syncedAt !== undefined &&
    [...services.values()].every((service) => service.failure === undefined)
  );
}
