import type { CheckResult } from './suite.js';

/** One line: `ok`, `FAIL` with what was expected and seen, or `skipped` with the reason. */
export function renderResult({ name, evidence, outcome }: CheckResult): string {
  if (outcome.is === 'ok') return `ok       ${name}`;
  if (outcome.is === 'skipped') return `skipped  ${name}: ${oneLine(outcome.reason)}`;
  const { expected, seen } = outcome;
  return `FAIL     ${name}: expected ${oneLine(expected)}, seen ${oneLine(seen)} (${evidence})`;
}

export function renderTotals(results: readonly CheckResult[]): string {
  const count = (is: CheckResult['outcome']['is']): number =>
    results.filter(({ outcome }) => outcome.is === is).length;
  return `${count('ok')} ok, ${count('failed')} failed, ${count('skipped')} skipped`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
