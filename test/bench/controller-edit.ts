import { Agent } from '../../src/agent.js';
import { systemClock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import { Controller } from '../../src/controller/controller.js';
import { Metrics } from '../../src/controller/metrics.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { startScenario } from '../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import type { RequestRecord } from '../../src/icontrol/request.js';
import { silentLogger } from '../../src/log.js';

const edits = 40;
const latencyMs = 100;

interface Edit {
  readonly ms: number;
  readonly requests: number;
  readonly bytes: number;
}

/**
 * How long an edit of an allowlist takes from the ConfigMap to the rule, through the controller, when every request to
 * the device takes a tenth of a second more; and how much it sends.
 */
export async function measureControllerEdit(): Promise<
  ReadonlyArray<{ readonly what: string; readonly measured: string; readonly goal: string }>
> {
  const scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
  const stop = new AbortController();
  const { signal } = stop;
  let records: RequestRecord[] = [];
  let enforced: () => void = () => undefined;
  let reported: () => void = () => undefined;
  const agent = await Agent.open({
    config: await loadConfig(scenario.configFile),
    kubeconfig: scenario.kubeconfigFile,
    clock: systemClock,
    logger: silentLogger(),
    signal,
    onRequest: (_device, record) => {
      records.push(record);
      if (record.method === 'PATCH' && record.path.startsWith('/mgmt/tm/transaction/')) enforced();
    },
  });
  const controller = new Controller({
    agent,
    namespace: 'mesh-edge',
    holder: 'bench',
    metrics: new Metrics(),
    clock: systemClock,
    random: Math.random,
    logger: silentLogger(),
    onReported: (status) => {
      if (status.syncedAt !== undefined) reported();
    },
  });
  const next = (resolver: (resolve: () => void) => void): Promise<void> => new Promise(resolver);
  const well = next((resolve) => (reported = resolve));
  const running = controller.run(signal);
  const measured: Edit[] = [];
  try {
    await well;
    scenario.bigIp.faults.inject({ fault: 'latency', ms: latencyMs });
    for (let edit = 0; edit < edits; edit += 1) {
      records = [];
      const isEnforced = next((resolve) => (enforced = resolve));
      const isReported = next((resolve) => (reported = resolve));
      const startedAt = performance.now();
      await editAllowlist(
        scenario.kube,
        edit % 2 === 0 ? [goodCallerId, badCallerId] : [goodCallerId],
        signal,
      );
      await isEnforced;
      measured.push({ ms: performance.now() - startedAt, requests: records.length, bytes: bytesOf(records) });
      await isReported;
    }
  } finally {
    scenario.bigIp.faults.clear();
    stop.abort(new Error('the bench is over'));
    await running;
    await agent.close();
    await scenario.close();
  }
  const times = measured.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const at = (share: number): string =>
    `${((times[Math.ceil(share * times.length) - 1] ?? NaN) / 1000).toFixed(2)} s`;
  const most = (of: (edit: Edit) => number): number => Math.max(...measured.map(of));
  return [
    {
      what: `controller: ${edits} edits until enforced, +${latencyMs} ms a request`,
      measured: `p50 ${at(0.5)}, p95 ${at(0.95)}`,
      goal: 'p95 within 2 s',
    },
    {
      what: 'controller: sent until an edit is enforced, at most',
      measured: `${most(({ requests }) => requests)} requests, ${most(({ bytes }) => bytes)} bytes`,
      goal: 'at most 6, 3072 bytes',
    },
  ];
}

function bytesOf(records: readonly RequestRecord[]): number {
  return records.reduce((sum, { bytesOut, method, path }) => sum + bytesOut + method.length + path.length, 0);
}
