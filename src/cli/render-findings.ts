import { levels } from '../vet/check.js';
import type { Finding, Unjudged, VetReport } from '../vet/check.js';
import { checkOf } from '../vet/registry.js';
import type { Output } from './output.js';

const colours = { error: 'red', warning: 'yellow', info: 'cyan' } as const;
const indent = '         ';
/** With the indent that makes 110 columns. */
const textWidth = 101;

/** Findings by level and code, then what is unknown, then a line that sums up. */
export function printFindings(output: Output, report: VetReport): void {
  const { findings, unknown } = report;
  for (const level of levels) {
    const codes = new Set(findings.filter((finding) => finding.level === level).map(({ code }) => code));
    for (const code of codes) {
      const same = findings.filter((finding) => finding.level === level && finding.code === code);
      const { title, why, mend } = checkOf(code);
      output.line(`${output.style(colours[level], level.padEnd(8))} ${output.style('bold', code)} ${title}`);
      for (const { object, seen } of distinct(same)) output.line(`${indent}${object}: ${seen}`);
      for (const line of wrap(`why:  ${why}`)) output.line(`${indent}${output.style('dim', line)}`);
      for (const line of wrap(`mend: ${mend}`)) output.line(`${indent}${line}`);
      output.line();
    }
  }
  for (const [reason, { codes, needs }] of byReason(unknown)) {
    output.line(`${output.style('yellow', 'unknown'.padEnd(8))} ${output.style('bold', codes.join(', '))}`);
    output.line(`${indent}${reason}`);
    if (needs !== undefined) output.line(`${indent}needs: ${needs}`);
    output.line();
  }
  output.line(summary(report));
}

/** Lines of no more than the usual width, the later ones under the text of the first. */
function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/(?<=\S) /)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < textWidth)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `      ${word}`);
  }
  return lines;
}

/** The documented JSON (docs/reference/vet.md). */
export function findingsAsJson(report: VetReport): object {
  const { findings, unknown, fine } = report;
  return {
    findings: findings.map(({ code, level, object, seen, service, device }) => {
      const { title, why, mend } = checkOf(code);
      return { code, level, title, object, seen, why, mend, ...placeOf({ service, device }) };
    }),
    unknown: unknown.map(({ code, gap, service, device }) => ({
      code,
      title: checkOf(code).title,
      reason: gap.reason,
      ...(gap.needs === undefined ? {} : { needs: gap.needs }),
      ...placeOf({ service, device }),
    })),
    fine,
    summary: counts(report),
  };
}

function placeOf({ service, device }: { service: string | undefined; device: string | undefined }): object {
  return { ...(service === undefined ? {} : { service }), ...(device === undefined ? {} : { device }) };
}

function counts({ findings, unknown, fine }: VetReport): Readonly<Record<string, number>> {
  const of = (level: string): number => findings.filter((finding) => finding.level === level).length;
  return {
    errors: of('error'),
    warnings: of('warning'),
    infos: of('info'),
    unknown: new Set(unknown.map(({ code }) => code)).size,
    fine: fine.length,
  };
}

function summary(report: VetReport): string {
  const { errors = 0, warnings = 0, infos = 0, unknown = 0, fine = 0 } = counts(report);
  const number = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
  return `${number(errors, 'error')}, ${number(warnings, 'warning')}, ${number(infos, 'info')}; ${number(unknown, 'check')} unknown, ${fine} fine`;
}

/** What several services show alike is told once. */
function distinct(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.object} ${finding.seen}`, finding])).values()];
}

function byReason(
  unknown: readonly Unjudged[],
): ReadonlyMap<string, { codes: string[]; needs: string | undefined }> {
  const reasons = new Map<string, { codes: string[]; needs: string | undefined }>();
  for (const { code, gap } of unknown) {
    const known = reasons.get(gap.reason) ?? { codes: [], needs: gap.needs };
    if (!known.codes.includes(code)) known.codes.push(code);
    reasons.set(gap.reason, known);
  }
  return reasons;
}
