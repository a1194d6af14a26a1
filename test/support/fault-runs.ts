/** How much of a property is tried: `FAULT_RUNS=50000 FAULT_SEED=7` is a campaign. */
export function faultRuns(runs: number): { readonly numRuns: number; readonly seed: number } {
  return { numRuns: wholeNumber('FAULT_RUNS') ?? runs, seed: wholeNumber('FAULT_SEED') ?? 1 };
}

/** None for a campaign. */
export function faultTimeoutMs(): number {
  return wholeNumber('FAULT_RUNS') === undefined ? 120_000 : 0;
}

function wholeNumber(name: string): number | undefined {
  const given = process.env[name];
  if (given === undefined) return undefined;
  if (!/^-?[0-9]{1,10}$/.test(given)) throw new RangeError(`${name} takes a whole number, not ${given}`);
  return Number(given);
}
