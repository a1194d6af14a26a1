import { readFile } from 'node:fs/promises';

import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import { Secret } from '../secret.js';
import { systemErrorCode } from '../system-error.js';
import { parseRoots } from './mesh-roots.js';
import type { ReadRoots } from './mesh-roots.js';
import { repeat } from './repeat.js';

/** A writer that is at work (spiffe-helper overwrites in place, Kubernetes swaps a link) is done in less. */
const reads = 5;
const pauseMs = 200;

/** Which file, and what a message says when it cannot be read. */
interface NamedFile {
  readonly path: string;
  /** Its place in the config file: `identity.files.key`. */
  readonly setting: string;
  readonly code: ErrorCode;
}

/** @throws AgentError with the file's own code; the signal's reason when it aborts. */
export async function readNamedFile(
  { path, setting, code }: NamedFile,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await readFile(path, { encoding: 'utf8', signal });
  } catch (error) {
    signal.throwIfAborted();
    const reason = systemErrorCode(error);
    throw new AgentError(
      code,
      `${path}, which ${setting} names, cannot be read (${reason})`,
      'mend the path in the config file, or see whether whoever writes the file has done so',
    );
  }
}

/**
 * Reads files that somebody else may be writing: again after a pause, for a second at most, as long as what was read
 * is missing, broken or does not fit together.
 */
export function readSteadily<T>(read: () => Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  return repeat(read, { tries: reads, delayMs: () => pauseMs, isWorthIt: () => true, clock, signal });
}

/** Roots in a file that the operator names, read each time. */
export function rootsFromFile(path: string, setting: string, clock: Clock): ReadRoots {
  return (signal) =>
    readSteadily(
      async () => {
        const text = {
          origin: path,
          pem: await readNamedFile({ path, setting, code: 'MESH_ERR_CONFIG_UNREADABLE' }, signal),
        };
        parseRoots(text);
        return text;
      },
      clock,
      signal,
    );
}

/** A passphrase, read each time; an editor's line feed at its end is no part of it. */
export async function readPassphrase(path: string, signal: AbortSignal): Promise<Secret> {
  const file = { path, setting: 'identity.passphraseFile', code: 'MESH_ERR_CONFIG_UNREADABLE' } as const;
  return new Secret((await readNamedFile(file, signal)).replace(/\r?\n$/, ''));
}
