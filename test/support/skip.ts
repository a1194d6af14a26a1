/** Skips the running test or suite, and prints the one line that says why. */
export function skipBecause(context: Mocha.Context, reason: string): void {
  process.stdout.write(`skipped: ${reason}\n`);
  context.skip();
}
