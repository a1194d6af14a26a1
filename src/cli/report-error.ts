import { AgentError } from '../errors.js';
import type { CliContext, ExitCode } from './context.js';
import { interrupted, isInterruption } from './interruption.js';

/**
 * Tells the person at the terminal what went wrong and what to do, without a stack trace.
 *
 * An error that is none of ours is a bug: its text may hold anything, so only its class is shown.
 */
export function reportError(
  error: unknown,
  { output, signal }: Pick<CliContext, 'output' | 'signal'>,
): ExitCode {
  const known = error instanceof AgentError ? error : strange(error, signal);
  output.json({ error: { code: known.code, message: known.message, nextStep: known.nextStep } });
  if (output.format === 'text') {
    output.error(`${output.style('red', 'error')}: ${known.message}`);
    output.error(`  ${known.nextStep} (${known.code})`);
  }
  return known.consequence === 'invalid' ? 3 : 1;
}

function strange(error: unknown, signal: AbortSignal): AgentError {
  if (isInterruption(error, signal)) {
    return interrupted('nothing is left half-done', 'run the command again when you like');
  }
  return unexpected(error);
}

function unexpected(error: unknown): AgentError {
  const name = error instanceof Error ? error.name : typeof error;
  const place =
    error instanceof Error ? (/\(?([^\s(]+:\d+:\d+)\)?$/m.exec(error.stack ?? '')?.[1] ?? '') : '';
  return new AgentError(
    'MESH_ERR_BUG',
    `unexpected ${name} at ${place.replace(/^.*\/(?=src\/|node_modules\/)/, '')}`,
    'report this line to the project',
  );
}
