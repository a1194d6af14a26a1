import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, from the compiled test's place in build/test/support. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * A folder of published test data that lies beside a checkout and is never committed.
 *
 * @returns the folder's path, or undefined where it is missing; the caller prints why it skips.
 */
export function sharedData(name: string): string | undefined {
  const folder = join(repositoryRoot, '..', 'shared', name);
  return existsSync(folder) ? folder : undefined;
}
