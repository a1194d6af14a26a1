import { AgentError } from '../errors.js';

/**
 * Stops the demo when what it is there to show was not observed.
 *
 * @throws AgentError MESH_ERR_DEMO_FAILED
 */
export function expectObserved(wasObserved: boolean, expected: string, seen: string): asserts wasObserved {
  if (wasObserved) return;
  throw new AgentError(
    'MESH_ERR_DEMO_FAILED',
    `expected that ${expected}, but saw: ${seen}`,
    'run npm test to find the part that is broken',
  );
}
