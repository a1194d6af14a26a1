import type { Change, Plan } from '../reconcile/plan.js';
import type { Desire } from '../reconcile/desire.js';
import { describeRevocation, problemsOf } from '../reconcile/revocation/render-revocation.js';
import type { Output } from './output.js';

const marks = { create: '+', modify: '~', remove: '-' } as const;
const colours = { create: 'green', modify: 'yellow', remove: 'red' } as const;

/** The plan in words: an object a line, and below it the callers that come and go. */
export function printPlan(output: Output, partition: string, plan: Plan): void {
  if (plan.createPartition) output.line(`${output.style('green', '+')} auth/partition ${partition}`);
  for (const change of plan.changes) {
    const title = `${change.object.kind} /${partition}/${change.object.name}`;
    output.line(
      `${output.style(colours[change.action], marks[change.action])} ${title}${changedMembers(change)}`,
    );
    for (const detail of change.details) output.line(`    ${detail}`);
  }
  for (const { kind, name, reason } of plan.blockers) {
    output.line(`${output.style('red', '!')} ${kind} /${partition}/${name} ${reason}`);
  }
}

/** Which certificates are replaced, and until when the new ones are valid. */
export function printCertificates(output: Output, { services }: Desire): void {
  for (const { config, spiffeId, pair, isNewPair } of services) {
    if (!isNewPair) continue;
    const { 'not-before': from, 'not-after': until } = pair.facts;
    const range = `from ${isoTime(from)} until ${isoTime(until)}`;
    output.line(`certificate of ${config.name}: new, ${spiffeId.text}, ${range}`);
  }
}

/** The CRLs of the mesh, where it publishes any. */
export function printRevocation(output: Output, { revocation }: Pick<Desire, 'revocation'>): void {
  const problems = problemsOf(revocation);
  if (revocation.file === undefined && problems.length === 0) return;
  output.line(describeRevocation(revocation));
  for (const { code, message, nextStep } of problems)
    output.line(`${output.style('yellow', '!')} ${message}; ${nextStep} (${code})`);
}

/** The plan as data, without the content of any file. */
export function planAsJson(plan: Plan): object {
  return {
    createPartition: plan.createPartition,
    changes: plan.changes.map((change) => ({
      action: change.action,
      kind: change.object.kind,
      name: change.object.name,
      ...(change.action === 'modify' ? { members: change.members } : {}),
      details: change.details,
    })),
    blockers: plan.blockers,
  };
}

function changedMembers(change: Change): string {
  return change.action === 'modify' ? `: ${change.members.join(', ')}` : '';
}

function isoTime(seconds = '0'): string {
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}
