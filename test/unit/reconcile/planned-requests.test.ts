import { strict as assert } from 'node:assert';
import * as fc from 'fast-check';
import { Agent } from '../../../src/agent.js';
import { systemClock } from '../../../src/clock.js';
import { loadConfig } from '../../../src/config/load-config.js';
import type { AgentConfig } from '../../../src/config/schema.js';
import { editAllowlist } from '../../../src/demo/edit-allowlist.js';
import { startEchoService } from '../../../src/demo/echo-service.js';
import type { EchoService } from '../../../src/demo/echo-service.js';
import { startScenario } from '../../../src/demo/scenario.js';
import type { Scenario } from '../../../src/demo/scenario.js';
import { goodCallerId } from '../../../src/demo/surroundings.js';
import type { RequestRecord } from '../../../src/icontrol/request.js';
import { silentLogger } from '../../../src/log.js';
import { withoutChance } from '../../../src/reconcile/planned-requests.js';

const { signal } = new AbortController();
/** A certificate is made anew each time, and its signature may be a few bytes shorter. */
const mostBytesByChance = 8;

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly bytes: number;
}

describe('what plan prints', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let config: AgentConfig;
  let echoes: readonly EchoService[];
  const open = (of: AgentConfig, onRequest?: (request: RequestRecord) => void): Promise<Agent> =>
    Agent.open({
      config: of,
      kubeconfig: scenario.kubeconfigFile,
      clock: systemClock,
      logger: silentLogger(),
      signal,
      onRequest: (_device, request) => onRequest?.(request),
    });

  before(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    config = await loadConfig(scenario.configFile);
    echoes = [scenario.echo, await startEchoService(), await startEchoService()];
  });
  after(async () => {
    await Promise.all(echoes.slice(1).map((echo) => echo.close()));
    await scenario.close();
  });

  /** Plans, then applies, each with an agent of its own, as two runs of the command do. */
  async function planAndApply(wanted: AgentConfig, renew: ReadonlySet<string>): Promise<[Sent[], Sent[]]> {
    const [device] = wanted.devices;
    assert.ok(device !== undefined);
    const planner = await open(wanted);
    const { plan } = await planner.reconcile(device, { mode: 'plan', renew });
    const planned = await planner.requestsOf(device, plan);
    await planner.close();
    const sent: Sent[] = [];
    const applier = await open(wanted, ({ method, path, bytesOut }) => {
      const isSession =
        path.startsWith('/mgmt/shared/authn/') || path.startsWith('/mgmt/shared/authz/tokens');
      const isRead = method === 'GET' || path === '/mgmt/tm/util/unix-ls';
      if (!isRead && !isSession) sent.push({ method, path: withoutChance(path), bytes: bytesOut });
    });
    await applier.reconcile(device, { mode: 'apply', renew });
    await applier.close();
    return [planned.map(withoutContentNames), sent.map(withoutContentNames)];
  }

  it('is, request by request and byte by byte, what apply sends', async () => {
    const [template] = config.services;
    assert.ok(template !== undefined);
    const callers = fc.uniqueArray(
      fc.stringMatching(/^[a-z]{1,12}$/).map((name) => `spiffe://cluster.local/ns/batch/sa/${name}`),
      { maxLength: 80 },
    );
    const wanted = fc.record({
      callers,
      backends: fc.integer({ min: 1, max: 3 }),
      renew: fc.boolean(),
      recheck: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(wanted, async ({ callers: allow, backends, renew, recheck }) => {
        await editAllowlist(scenario.kube, [goodCallerId, ...allow], signal);
        const service = {
          ...template,
          backends: echoes.slice(0, backends).map(({ port }) => ({ address: '127.0.0.1', port })),
          recheck: recheck === undefined ? undefined : recheck * 1000,
        };
        const [planned, sent] = await planAndApply(
          { ...config, services: [service] },
          new Set(renew ? ['echo'] : []),
        );
        assert.deepEqual(planned.map(nameOf), sent.map(nameOf));
        for (const [index, { bytes, path }] of planned.entries()) {
          const difference = Math.abs(bytes - (sent[index]?.bytes ?? 0));
          const isCertificate = path.includes('/uploads/');
          assert.ok(
            difference <= (isCertificate ? mostBytesByChance : 0),
            `${path}: ${bytes}, ${sent[index]?.bytes}`,
          );
        }
      }),
      { numRuns: 12 },
    );
  });
});

/** Names, digests and times of a certificate that is made anew each time. */
function withoutContentNames(request: Sent): Sent {
  return {
    ...request,
    path: request.path.replaceAll(/_[0-9a-f]{12}\b|sha256%3D[0-9a-f]{64}|%3D\d{10}\b/g, 'CONTENT'),
  };
}

function nameOf({ method, path }: Sent): string {
  return `${method} ${path}`;
}
