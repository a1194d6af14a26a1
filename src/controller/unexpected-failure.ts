import { AgentError } from '../errors.js';
import type { Logger } from '../log.js';

/**
 * What ended some work, as an error that may be told. A defect's text may hold anything, so it is not told; its stack has
 * the place.
 */
export function asFailure(logger: Logger, error: unknown, what: string): AgentError {
  if (error instanceof AgentError) return error;
  const place = error instanceof Error ? (/\n\s+at (.+)/.exec(error.stack ?? '')?.[1] ?? '') : '';
  const name = error instanceof Error ? error.name : typeof error;
  logger.error({ name, place }, `${what} ended unexpectedly`);
  return new AgentError(
    'MESH_ERR_BUG',
    `${what} ended unexpectedly`,
    'report the error line in the log to the project',
  );
}
