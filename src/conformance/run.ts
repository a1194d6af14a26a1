import type { Writable } from 'node:stream';
import { Output } from '../cli/output.js';
import { reportError } from '../cli/report-error.js';
import type { Clock } from '../clock.js';
import { parseCommandLine, usage } from './command-line.js';
import { renderResult, renderTotals } from './render-result.js';
import { runConformance } from './suite.js';

interface Process {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** @returns 0 when nothing failed, 1 when something did, 3 for wrong usage */
export async function runConformanceCommand(args: readonly string[], io: Process): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(usage);
    return 0;
  }
  let output = new Output(io);
  try {
    const command = await parseCommandLine(args);
    output = output.as(command.output);
    const results = await runConformance({
      ...command,
      clock: io.clock,
      signal: io.signal,
      onResult: (result) => output.line(renderResult(result)),
    });
    output.line(renderTotals(results));
    output.json({
      device: command.url.host,
      checks: results.map(({ outcome: { is, ...outcome }, ...check }) => ({
        ...check,
        outcome: is,
        ...outcome,
      })),
    });
    return io.signal.aborted || results.some(({ outcome }) => outcome.is === 'failed') ? 1 : 0;
  } catch (error) {
    return reportError(error, { output, signal: io.signal });
  }
}
