import type { AgentReconcile } from '../agent.js';
import type { Desire } from '../reconcile/desire.js';
import { isEmptyPlan } from '../reconcile/plan.js';
import type { AgentError } from '../errors.js';
import { renderRevocation } from '../reconcile/revocation/render-revocation.js';
import { renderRoot } from '../reconcile/root-rotation/render-root.js';
import type { ReconcileReport, ReconcileStep } from '../reconcile/run-once.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { interrupted, isInterruption } from './interruption.js';
import { withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';
import { planAsJson, printPlan, printRevocation } from './render-plan.js';
import { printProof } from './render-proof.js';

const stepNames = {
  observe: 'reading the device',
  desire: 'reading allowlists and certificates',
  plan: 'comparing',
  apply: 'changing the device, in one transaction',
  verify: 'proving on the wire',
  save: 'saving the configuration',
  'roll back': 'going back to the earlier certificate',
  register: 'registering in the mesh',
} as const satisfies Record<ReconcileStep, string>;

/** `apply`: one reconcile of each device. */
export function runApply(context: CliContext, flags: ConfigFlag & GlobalFlags): Promise<ExitCode> {
  return applyDevices(context, flags, {});
}

/** What `apply` and `rotate` share: they differ in which certificates they renew. */
export function applyDevices(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags,
  which: Pick<AgentReconcile, 'renew' | 'isUrgent'>,
  isConcerned: (device: string) => boolean = () => true,
): Promise<ExitCode> {
  const { output } = context;
  return withAgent<ExitCode>(context, flags, async (agent) => {
    for (const device of agent.config.devices.filter(({ name }) => isConcerned(name))) {
      let reached: ReconcileStep = 'observe';
      const report = await agent
        .reconcile(device, { mode: 'apply', ...which }, (step) => {
          reached = step;
          output.progress(`${device.name}: ${stepNames[step]}`);
        })
        .catch((error: unknown) => {
          throw isInterruption(error, context.signal) ? interruptedAt(device.name, reached) : error;
        });
      printPlan(output, device.partition, report.plan);
      if (isEmptyPlan(report.plan)) output.line(`device ${device.name} is as it should be`);
      printRoots(context, report.desire);
      printRevocation(output, report.desire);
      printServices(context, report);
      const revocation = renderRevocation(report.desire.revocation);
      output.json({
        device: device.name,
        plan: planAsJson(report.plan),
        roots: report.desire.roots.map(renderRoot),
        ...(revocation === undefined ? {} : { revocation }),
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

/** Roots that are not simply there. */
function printRoots({ output }: CliContext, { roots }: Desire): void {
  for (const { sha256, subject, stage, sentence } of roots.filter(({ stage: of }) => of !== 'accepted'))
    output.line(`root ${sha256.slice(0, 12)} (${subject}) ${stage}: ${sentence}`);
}

function printServices({ output }: CliContext, { desire, proofs }: ReconcileReport): void {
  for (const { config, spiffeId, pair, isNewPair, withheld } of desire.services) {
    output.line();
    output.line(`service ${output.style('bold', config.name)} is ${spiffeId.text}`);
    output.line(`certificate ${isNewPair ? 'new' : 'kept'}, valid until ${notAfter(pair.facts)}`);
    if (withheld !== undefined) output.line(`a new certificate waits: ${withheld}`);
    const proof = proofs.get(config.name);
    if (proof !== undefined) printProof(output, proof);
  }
}

function notAfter(facts: Readonly<Record<string, string>>): string {
  return new Date(Number(facts['not-after'] ?? 0) * 1000).toISOString();
}
