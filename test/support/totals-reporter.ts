import mocha from 'mocha';

/** Mocha's spec reporter, ending with one plain line of totals and the reason of every skipped test. */
class TotalsReporter extends mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
}

// Mocha loads a reporter by its module's exports object, or by its default member.
export { TotalsReporter as default };
