import { healthOf } from '../status/status.js';
import type { Health, ServiceStatus } from '../status/status.js';
import type { Output } from './output.js';
import { renderLength, renderLifeBar, renderRemaining } from './render-time.js';
import { alignColumns } from './table.js';

const colours = { ok: 'green', drift: 'yellow', bad: 'red', unknown: 'yellow' } as const satisfies Record<
  Health,
  string
>;
const nothing = '-';

/** One line a service. */
export function printStatuses(output: Output, statuses: readonly ServiceStatus[], now: Date): void {
  const head = [
    'SERVICE',
    'DEVICE',
    'STATE',
    'IDENTITY',
    'CERTIFICATE',
    'PROVEN',
    'CALLERS',
    'REJECTED',
    'DRIFT',
  ];
  const rows = statuses.map((status) => [
    status.service,
    status.device,
    renderHealth(output, status, now),
    status.served?.spiffeId ?? status.identity ?? nothing,
    renderCertificate(status, now),
    status.provenAt === undefined ? nothing : `${renderAge(status.provenAt, now)} ago`,
    renderAllowlist(status),
    renderRejected(status),
    renderDrift(status),
  ]);
  for (const line of alignColumns([head, ...rows])) output.line(line);
  for (const { service, troubles } of statuses) {
    for (const { code, message, nextStep } of troubles) {
      output.line(`${output.style('red', '!')} ${service}: ${message}`);
      output.line(`  ${nextStep} (${code})`);
    }
  }
}

/** Everything about one service. */
export function printStatus(output: Output, status: ServiceStatus, now: Date): void {
  const { served, notServed, provenAt, calls, drift, troubles } = status;
  const rows: Array<[string, string]> = [
    ['service', `${output.style('bold', status.service)} (${renderHealth(output, status, now)})`],
    ['device', status.device],
    ['called as', `${status.host}, at ${status.listen}`],
    ['identity', status.identity ?? nothing],
  ];
  if (served === undefined) rows.push(['served', notServed ?? nothing]);
  else {
    rows.push(
      ['served', `${renderCertificate(status, now)}, ${served.spiffeId ?? 'no SPIFFE ID'}`],
      ['', `valid from ${served.notBefore.toISOString()} until ${served.notAfter.toISOString()}`],
      ['', `SHA-256 ${served.sha256}`],
    );
  }
  rows.push([
    'proven',
    provenAt === undefined
      ? 'not known here; bigip-mesh verify proves it now'
      : `${renderAge(provenAt, now)} ago (${provenAt.toISOString()})`,
  ]);
  rows.push(['callers', renderAllowlist(status)]);
  if (calls !== undefined) {
    const { allowed, rejected, wouldReject } = calls;
    rows.push([
      'calls',
      [
        `${allowed ?? '?'} allowed`,
        `${rejected ?? '?'} rejected`,
        `${wouldReject ?? '?'} would be rejected in enforce`,
      ].join(', '),
    ]);
  }
  rows.push(['rejected', renderRejected(status)]);
  for (const [index, line] of (drift ?? [nothing]).entries()) rows.push([index === 0 ? 'drift' : '', line]);
  if (drift?.length === 0) rows.push(['drift', 'none']);
  for (const line of alignColumns(rows)) output.line(line);
  for (const { code, message, nextStep } of troubles) {
    output.line(`${output.style('red', '!')} ${message}`);
    output.line(`  ${nextStep} (${code})`);
  }
}

/** The documented JSON of one service (docs/reference/cli.md). */
export function statusAsJson(status: ServiceStatus, now: Date): object {
  return { ...status, health: healthOf(status, now) };
}

function renderHealth(output: Output, status: ServiceStatus, now: Date): string {
  const health = healthOf(status, now);
  return output.style(colours[health], health);
}

function renderCertificate({ served }: ServiceStatus, now: Date): string {
  if (served === undefined) return 'not seen';
  const { notBefore, notAfter } = served;
  return `${renderLifeBar(notBefore, notAfter, now)} ${renderRemaining(notAfter, now)}`;
}

function renderAllowlist({ allowlist }: ServiceStatus): string {
  if (allowlist === undefined) return nothing;
  const { allow, deny, mode } = allowlist;
  const denied = deny === 0 ? '' : `, ${deny} denied`;
  if (mode === 'audit') return `${allow} allowed${denied}, audit only`;
  return allow === 0 ? 'nobody' : `${allow} allowed${denied}`;
}

function renderRejected({ calls }: ServiceStatus): string {
  if (calls?.rejected === undefined) return nothing;
  return calls.rejectedLastHour === undefined
    ? `${calls.rejected} since reset`
    : `${calls.rejectedLastHour} in the last hour`;
}

function renderDrift({ drift }: ServiceStatus): string {
  if (drift === undefined) return nothing;
  return drift.length === 0 ? 'none' : `${drift.length} to change`;
}

function renderAge(at: Date, now: Date): string {
  return renderLength(now.getTime() - at.getTime());
}
