import { tmshRefusal } from '../config/refusal.js';
import type { DownloadsFolder } from '../file-transfer/downloads-folder.js';
import { runUnixCommand } from '../file-transfer/unix-command.js';
import type { JsonObject } from '../json.js';

export interface CommandsOptions {
  readonly downloads: DownloadsFolder;
  /** Writes the running configuration to disk. */
  readonly save: () => Promise<void>;
}

/** tmsh commands over REST: a POST that does something and creates nothing. */
export class Commands {
  readonly #options: CommandsOptions;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Whether a request asks for a command rather than for a resource. */
  names(segments: readonly string[], _body: JsonObject): boolean {
    return ['sys/config', 'util/unix-rm', 'util/unix-ls'].includes(segments.join('/'));
  }

  /** @throws Refusal for what the command cannot do. */
  async run(segments: readonly string[], body: JsonObject): Promise<JsonObject> {
    const path = segments.join('/');
    if (path !== 'sys/config') return runUnixCommand(segments[1] ?? '', body, this.#options.downloads);
    if (body['command'] !== 'save') throw tmshRefusal('one or more properties must be specified');
    await this.#options.save();
    return { kind: 'tm:sys:config:savestate', command: 'save' };
  }
}
