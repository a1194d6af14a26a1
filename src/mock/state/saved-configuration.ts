import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../../errors.js';
import { systemErrorCode } from '../../system-error.js';
import type { Configuration } from '../config/configuration.js';
import { parseConfiguration, renderConfiguration } from './configuration-file.js';

/**
 * What the device would boot with. Without a folder it lives as long as the process does.
 *
 * The file holds private keys, as the device's own does, and is readable by its owner alone.
 */
export class SavedConfiguration {
  readonly #path: string | undefined;
  #configuration: Configuration | undefined;

  private constructor(path: string | undefined, configuration: Configuration | undefined) {
    this.#path = path;
    this.#configuration = configuration;
  }

  /**
   * Reads what an earlier run saved in the folder, which is made if need be.
   *
   * @throws AgentError MESH_ERR_MOCK_STATE when the folder or the file in it cannot be used.
   */
  static async open(folder: string | undefined): Promise<SavedConfiguration> {
    if (folder === undefined) return new SavedConfiguration(undefined, undefined);
    const path = join(folder, 'configuration.json');
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const configuration = parseConfiguration(await readFile(path, 'utf8'));
      if (configuration === undefined) throw unusable(path, 'it is not a saved configuration of this mock');
      return new SavedConfiguration(path, configuration);
    } catch (error) {
      if (error instanceof AgentError) throw error;
      const code = systemErrorCode(error);
      if (code === 'ENOENT') return new SavedConfiguration(path, undefined);
      throw unusable(path, code);
    }
  }

  /** Undefined: nothing was saved yet. */
  get configuration(): Configuration | undefined {
    return this.#configuration;
  }

  /** @throws AgentError MESH_ERR_MOCK_STATE when it cannot be written. */
  async save(configuration: Configuration): Promise<void> {
    if (this.#path !== undefined) {
      const draft = `${this.#path}.new`;
      try {
        await writeFile(draft, renderConfiguration(configuration), { mode: 0o600 });
        await rename(draft, this.#path);
      } catch (error) {
        throw unusable(this.#path, systemErrorCode(error));
      }
    }
    this.#configuration = configuration;
  }
}

function unusable(path: string, why: string): AgentError {
  return new AgentError(
    'MESH_ERR_MOCK_STATE',
    `the state of the mock BIG-IP in ${path} cannot be used: ${why}`,
    'Name a folder that can be written, or remove the file to start from a new device',
  );
}
