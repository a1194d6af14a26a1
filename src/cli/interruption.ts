import { AgentError } from '../errors.js';

/**
 * What a command tells that was ended by Ctrl-C or SIGTERM.
 *
 * @param done what it had done by then, as a sentence without a full stop
 */
export function interrupted(done: string, nextStep: string): AgentError {
  return new AgentError('MESH_ERR_INTERRUPTED', `interrupted: ${done}`, nextStep);
}

/** Whether an error is only the echo of an interruption, and not something that went wrong by itself. */
export function isInterruption(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted || error instanceof AgentError) return false;
  return (
    error === signal.reason ||
    (error instanceof Error && (error.name === 'AbortError' || error.cause === signal.reason))
  );
}
