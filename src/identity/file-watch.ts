import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { Clock } from '../clock.js';
import { linkSignals } from '../linked-signal.js';

interface FileWatchOptions {
  readonly paths: readonly string[];
  readonly onChange: () => void;
  readonly clock: Clock;
}

/** Certificate and key are written one after the other. */
const settleMs = 100;
/** For folders that do not exist yet, and file systems that tell of no changes. */
const pollMs = 30_000;

/**
 * Tells when one of several files is written, replaced, removed, or comes to be.
 *
 * The folders are watched and not the files: writers rename a new file over the old one, and Kubernetes swaps the link
 * `..data` of a volume. What happens to other files of a folder is nobody's business.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;

  constructor(options: FileWatchOptions) {
    this.#options = options;
  }

  /** Until the signal aborts; then it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { onChange, clock } = this.#options;
    let seen: string | undefined;
    try {
      for (;;) {
        signal.throwIfAborted();
        const stirred = new AbortController();
        const looking = linkSignals(signal, stirred.signal);
        // Before the look, so that nothing happens between the two.
        const watchers = await this.#watchFolders(() => stirred.abort());
        try {
          const state = await this.#look();
          if (seen !== undefined && state !== seen) onChange();
          seen = state;
          await clock.sleep(pollMs, looking.signal).catch(() => undefined);
        } finally {
          looking.unlink();
          for (const watcher of watchers) watcher.close();
        }
        await clock.sleep(settleMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #watchFolders(onEvent: () => void): Promise<FSWatcher[]> {
    const folders = new Set<string>();
    for (const path of this.#options.paths) {
      folders.add(dirname(path));
      const real = await realpath(path).catch(() => path);
      folders.add(dirname(real));
    }
    return [...folders].flatMap((folder) => {
      try {
        const watcher = watch(folder, onEvent);
        watcher.on('error', onEvent);
        return [watcher];
      } catch {
        return [];
      }
    });
  }

  /** Which files there are, as far as their inodes tell. */
  async #look(): Promise<string> {
    const states = this.#options.paths.map(async (path) => {
      try {
        const { dev, ino, mtimeMs, size } = await stat(path);
        return [dev, ino, mtimeMs, size].join(':');
      } catch {
        return 'absent';
      }
    });
    return (await Promise.all(states)).join(' ');
  }
}
