import { isEmptyPlan } from '../reconcile/plan.js';
import type { AgentError } from '../errors.js';
import type { ReconcileReport, ReconcileStep } from '../reconcile/run-once.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { interrupted, isInterruption } from './interruption.js';
import { withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';
import { planAsJson, printPlan } from './render-plan.js';
import { printProof } from './render-proof.js';

const stepNames = {
  observe: 'reading the device',
  desire: 'reading allowlists and certificates',
  plan: 'comparing',
  apply: 'changing the device, in one transaction',
  verify: 'proving on the wire',
  save: 'saving the configuration',
  register: 'registering in the mesh',
} as const;

/** `apply`: one reconcile of each device. */
export function runApply(context: CliContext, flags: ConfigFlag & GlobalFlags): Promise<ExitCode> {
  return applyDevices(context, flags, new Set());
}

/** What `apply` and `rotate` share: they differ in which certificates they renew. */
export function applyDevices(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags,
  renew: ReadonlySet<string>,
  isConcerned: (device: string) => boolean = () => true,
): Promise<ExitCode> {
  const { output } = context;
  return withAgent<ExitCode>(context, flags, async (agent) => {
    for (const device of agent.config.devices.filter(({ name }) => isConcerned(name))) {
      let reached: ReconcileStep = 'observe';
      const report = await agent
        .reconcile(device, { mode: 'apply', renew }, (step) => {
          reached = step;
          output.progress(`${device.name}: ${stepNames[step]}`);
        })
        .catch((error: unknown) => {
          throw isInterruption(error, context.signal) ? interruptedAt(device.name, reached) : error;
        });
      printPlan(output, device.partition, report.plan);
      if (isEmptyPlan(report.plan)) output.line(`device ${device.name} is as it should be`);
      printServices(context, report);
      output.json({
        device: device.name,
        plan: planAsJson(report.plan),
        services: report.desire.services.map(({ config, spiffeId, pair, isNewPair }) => ({
          service: config.name,
          spiffeId: spiffeId.text,
          certificate: { sha256: pair.facts['sha256'], notAfter: notAfter(pair.facts), renewed: isNewPair },
          proof: report.proofs.get(config.name),
        })),
      });
    }
    return 0;
  });
}

/** A commit under way ends, and is saved; whatever else is interrupted is undone or can be repeated. */
function interruptedAt(device: string, step: ReconcileStep): AgentError {
  if (['observe', 'desire', 'plan', 'apply'].includes(step)) {
    return interrupted(`nothing was changed on device ${device}`, 'run apply again when you like');
  }
  const rest = step === 'register' ? 'and proven, but perhaps not registered in the mesh' : 'but not proven';
  return interrupted(
    `the change of device ${device} is complete and saved, ${rest}`,
    'run apply again: it goes on from there',
  );
}

function printServices({ output }: CliContext, { desire, proofs }: ReconcileReport): void {
  for (const { config, spiffeId, pair, isNewPair } of desire.services) {
    output.line();
    output.line(`service ${output.style('bold', config.name)} is ${spiffeId.text}`);
    output.line(`certificate ${isNewPair ? 'new' : 'kept'}, valid until ${notAfter(pair.facts)}`);
    const proof = proofs.get(config.name);
    if (proof !== undefined) printProof(output, proof);
  }
}

function notAfter(facts: Readonly<Record<string, string>>): string {
  return new Date(Number(facts['not-after'] ?? 0) * 1000).toISOString();
}
