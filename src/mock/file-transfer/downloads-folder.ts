import type { Secret } from '../../secret.js';

/** Where uploads arrive, `sourcePath` reads from, and nothing is ever tidied up by itself. */
export const downloadsFolder = '/var/config/rest/downloads';

/** The device's upload folder, in memory. A file may be a private key, so its content is a `Secret`. */
export class DownloadsFolder {
  readonly #files = new Map<string, Secret<Buffer>>();

  /** @returns undefined for what is not there, or still being uploaded. */
  read(path: string): Secret<Buffer> | undefined {
    return this.#files.get(path);
  }

  write(name: string, content: Secret<Buffer>): void {
    this.#files.set(`${downloadsFolder}/${name}`, content);
  }

  remove(path: string): boolean {
    return this.#files.delete(path);
  }

  /** File names in order. */
  list(): readonly string[] {
    return [...this.#files.keys()].map((path) => path.slice(downloadsFolder.length + 1)).sort();
  }
}
