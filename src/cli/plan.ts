import { changeSet } from '../reconcile/change-set.js';
import { isEmptyPlan } from '../reconcile/plan.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';
import { planAsJson, printPlan } from './render-plan.js';

/** `plan`: the same reconcile as `apply`, stopped before anything is written. */
export function runPlan(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags & { readonly detailedExitcode?: boolean },
): Promise<ExitCode> {
  const { output } = context;
  return withAgent<ExitCode>(context, flags, async (agent) => {
    let hasChanges = false;
    for (const device of agent.config.devices) {
      const { plan } = await agent.reconcile(device, { mode: 'plan' });
      const { partition } = device;
      const requests = isEmptyPlan(plan)
        ? []
        : changeSet(plan, { partition, holder: '(this run)' }).map(({ command }) => ({
            method: command.method,
            path: command.path,
            bytes: command.body === undefined ? 0 : Buffer.byteLength(JSON.stringify(command.body)),
          }));
      hasChanges ||= requests.length > 0;
      output.line(
        `device ${output.style('bold', device.name)}: ${requests.length === 0 ? 'nothing to do' : ''}`,
      );
      printPlan(output, partition, plan);
      if (requests.length > 0) {
        output.line();
        output.line('in one transaction:');
        for (const { method, path, bytes } of requests)
          output.line(`  ${method.padEnd(6)} ${path} (${bytes} bytes)`);
      }
      output.json({ device: device.name, plan: planAsJson(plan), requests });
    }
    return hasChanges && flags.detailedExitcode === true ? 2 : 0;
  });
}
