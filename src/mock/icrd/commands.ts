import { tmshRefusal } from '../config/refusal.js';
import type { DownloadsFolder } from '../file-transfer/downloads-folder.js';
import { runUnixCommand } from '../file-transfer/unix-command.js';
import type { Cluster } from '../ha/cluster.js';
import type { JsonObject } from '../json.js';
import { textOf } from '../json.js';

interface CommandsOptions {
  readonly downloads: DownloadsFolder;
  readonly cluster: Cluster;
  /** Writes the running configuration to where the device boots from. */
  readonly save: () => Promise<void>;
}

type Run = (body: JsonObject) => JsonObject | Promise<JsonObject>;

/** tmsh commands over REST: a POST that does something and creates nothing. */
export class Commands {
  readonly #commands: ReadonlyMap<string, Run>;

  constructor({ downloads, cluster, save }: CommandsOptions) {
    this.#commands = new Map<string, Run>([
      ['util/unix-ls', (body) => runUnixCommand('unix-ls', body, downloads)],
      ['util/unix-rm', (body) => runUnixCommand('unix-rm', body, downloads)],
      [
        'sys/config',
        async ({ command }) => {
          if (command !== 'save') throw tmshRefusal('one or more properties must be specified');
          await save();
          return { kind: 'tm:sys:config:savestate', command };
        },
      ],
      ['cm', (body) => runConfigSync(body, cluster)],
      [
        'sys/failover',
        async (body) => {
          if (body['command'] !== 'run' || body['standby'] !== true) {
            throw tmshRefusal('one or more properties must be specified');
          }
          await cluster.standBy();
          return { kind: 'tm:sys:failover:runstate', ...body };
        },
      ],
    ]);
  }

  /** Whether a path stands for a command rather than for a resource. */
  has(path: string): boolean {
    return this.#commands.has(path);
  }

  /** @throws Refusal for what the command cannot do. */
  async run(path: string, body: JsonObject): Promise<JsonObject> {
    const run = this.#commands.get(path);
    if (run === undefined) throw tmshRefusal('one or more properties must be specified');
    return run(body);
  }
}

/** `config-sync [force-full-load-push] to-group GROUP`: the answer only says that it has begun. */
function runConfigSync(body: JsonObject, cluster: Cluster): JsonObject {
  const utilCmdArgs = textOf(body['utilCmdArgs']);
  const match = /^\s*config-sync\s+(?:force-full-load-push\s+)?(to|from)-group\s+(\S+)\s*$/.exec(utilCmdArgs);
  if (body['command'] !== 'run' || match === null)
    throw tmshRefusal('one or more properties must be specified');
  cluster.startSync(match[1] === 'from' ? 'from' : 'to', match[2] ?? '');
  return { kind: 'tm:cm:runstate', command: 'run', utilCmdArgs };
}
