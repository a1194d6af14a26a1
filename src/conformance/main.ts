import { systemClock } from '../clock.js';
import { runConformanceCommand } from './run.js';

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => interrupted.abort(new Error(name)));
}
// A reader that went away (`| head`) ends the run too: what was made has to be removed all the same.
process.stdout.on('error', () => interrupted.abort(new Error('nobody reads the output')));

process.exitCode = await runConformanceCommand(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  signal: interrupted.signal,
});
