import type { Agent } from '../agent.js';
import type { DeviceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import { isEmptyPlan } from '../reconcile/plan.js';
import type { Plan } from '../reconcile/plan.js';
import type { PlannedRequest } from '../reconcile/planned-requests.js';
import { renderRevocation } from '../reconcile/revocation/render-revocation.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';
import type { Output } from './output.js';
import { planAsJson, printCertificates, printPlan, printRevocation } from './render-plan.js';

interface PlanFlags extends ConfigFlag, GlobalFlags {
  readonly detailedExitcode?: boolean;
  readonly device?: boolean;
}

/** `plan`: the same reconcile as `apply`, stopped before anything is written. */
export function runPlan(context: CliContext, flags: PlanFlags): Promise<ExitCode> {
  const { output } = context;
  return withAgent<ExitCode>(context, flags, async (agent) => {
    let hasChanges = false;
    let isBlocked = false;
    for (const device of agent.config.devices) {
      const { plan, desire } = await agent.reconcile(device, { mode: 'plan' });
      const requests = await agent.requestsOf(device, plan);
      const isEmpty = isEmptyPlan(plan);
      hasChanges ||= !isEmpty;
      isBlocked ||= plan.blockers.length > 0;
      output.line(`device ${output.style('bold', device.name)}:${isEmpty ? ' nothing to do' : ''}`);
      printPlan(output, device.partition, plan);
      printRevocation(output, desire);
      if (!isEmpty) {
        printCertificates(output, desire);
        printRequests(output, requests);
      }
      const validated = flags.device === true && !isEmpty ? await validate(agent, device, plan) : undefined;
      if (validated !== undefined) output.line(validated);
      const revocation = renderRevocation(desire.revocation);
      output.json({
        device: device.name,
        plan: planAsJson(plan),
        ...(revocation === undefined ? {} : { revocation }),
        requests,
        ...(validated === undefined ? {} : { validated }),
      });
    }
    // What stands in the way is told above; apply would fail for it.
    if (isBlocked) return 1;
    return hasChanges && flags.detailedExitcode === true ? 2 : 0;
  });
}

function printRequests(output: Output, requests: readonly PlannedRequest[]): void {
  const bytes = requests.reduce((sum, request) => sum + request.bytes, 0);
  output.line();
  output.line(`${requests.length} requests, ${bytes} bytes:`);
  for (const request of requests)
    output.line(`  ${request.method.padEnd(6)} ${request.path} (${request.bytes} bytes)`);
}

/** @returns what the device says of the plan, when it has no objection */
async function validate(agent: Agent, device: DeviceConfig, plan: Plan): Promise<string> {
  if (plan.createPartition) {
    throw new AgentError(
      'MESH_ERR_NOT_APPLIED',
      `device ${device.name} has no partition ${device.partition} yet, and checks objects only where there is one`,
      'run plan without --device, or make the partition first',
    );
  }
  await agent.validate(device, plan);
  return `device ${device.name} has checked all of it, has no objection, and was not changed`;
}
