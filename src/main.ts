#!/usr/bin/env node
import { systemClock } from './clock.js';
import { runCli } from './cli/program.js';
import { Output } from './cli/output.js';
import { createLogger } from './log.js';
import type { LogLevel } from './log.js';

// A reader that went away (`bigip-mesh apply | head`) hears no more; what was begun is done, proven and told by the
// exit code all the same.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => interrupted.abort(new Error(name)));
}

const exitCode = await runCli(process.argv.slice(2), ({ output, logLevel }) => ({
  output: new Output({ stdout: process.stdout, stderr: process.stderr }, output),
  logger: createLogger(logLevel as LogLevel, process.stderr),
  clock: systemClock,
  signal: interrupted.signal,
}));
process.exit(exitCode);
