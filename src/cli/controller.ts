import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Agent } from '../agent.js';
import type { AgentOptions } from '../agent.js';
import { backOffMs } from '../back-off.js';
import { loadConfig } from '../config/load-config.js';
import { requireSupported } from '../config/supported.js';
import { Controller } from '../controller/controller.js';
import { publishDeviceRequest } from '../controller/diagnostics.js';
import { startHttpEndpoint } from '../controller/http-endpoint.js';
import { Metrics } from '../controller/metrics.js';
import { AgentError } from '../errors.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import type { ConfigFlag } from './open-agent.js';

interface ControllerFlags {
  /** The agent's own: of its Leases and its status. */
  readonly namespace?: string;
  readonly http: { readonly host: string; readonly port: number };
  /** How long a replica that is gone is waited for. */
  readonly leaseDuration: number;
}

const backOff = { firstMs: 1000, longestMs: 30_000 };

/** `controller`: reconciles whenever something calls for it, until it is interrupted. */
export async function runController(
  { output, clock, logger, signal }: CliContext,
  flags: ControllerFlags & ConfigFlag & GlobalFlags,
): Promise<ExitCode> {
  const config = await loadConfig(flags.file);
  requireSupported(config);
  const metrics = new Metrics();
  let controller: Controller | undefined;
  const endpoint = await startHttpEndpoint({
    listen: flags.http,
    metrics,
    onScrape: () => controller?.refreshCounters(),
    live: () => controller?.live() ?? [],
    ready: () => controller?.ready() ?? ['the Kubernetes API server was not reached yet'],
    notes: () => controller?.notes() ?? [],
  });
  try {
    output.line(`ready ${endpoint.url}`);
    output.json({ ready: endpoint.url });
    const { kubeconfig, context } = flags;
    const agent = await openWhenReachable({
      config,
      kubeconfig,
      context,
      clock,
      logger,
      signal,
      onRequest: (device, request) => {
        metrics.observeRequest(device, request);
        publishDeviceRequest(device, request);
      },
    });
    try {
      const { namespace = agent.kube.namespace } = flags;
      const holder = `${hostname()}_${randomUUID()}`;
      const { random } = Math;
      const leaseDurationMs = flags.leaseDuration;
      const identity = { namespace, holder, leaseDurationMs };
      controller = new Controller({ agent, ...identity, metrics, clock, random, logger });
      await controller.run(signal);
    } finally {
      await agent.close();
    }
    return 0;
  } catch (error) {
    if (signal.aborted && !(error instanceof AgentError)) return 0;
    throw error;
  } finally {
    await endpoint.close();
  }
}

/** A cluster that is not there yet is waited for; one that refuses is an error. */
async function openWhenReachable(options: AgentOptions): Promise<Agent> {
  const { clock, logger, signal } = options;
  let told: string | undefined;
  for (let failures = 1; ; failures += 1) {
    try {
      return await Agent.open(options);
    } catch (error) {
      if (!(error instanceof AgentError) || error.consequence !== 'transient') throw error;
      const { code, message } = error;
      logger[code === told ? 'debug' : 'warn']({ code, reason: message }, 'to be tried again');
      told = code;
    }
    await clock.sleep(backOffMs(backOff, failures, Math.random), signal);
  }
}
