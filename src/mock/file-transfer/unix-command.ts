import type { JsonObject } from '../json.js';
import { icrdRefusal, tmshRefusal } from '../config/refusal.js';
import { downloadsFolder } from './downloads-folder.js';
import type { DownloadsFolder } from './downloads-folder.js';

/**
 * `util/unix-rm` and `util/unix-ls`, on the upload folder alone. As on the device the status is 200 even when
 * the command failed, and there is no `commandResult` when it printed nothing.
 *
 * @throws Refusal for another command, and for paths outside the upload folder, which the mock does not have.
 */
export function runUnixCommand(command: string, body: JsonObject, folder: DownloadsFolder): JsonObject {
  if (body['command'] !== 'run') throw tmshRefusal('one or more properties must be specified');
  const utilCmdArgs = typeof body['utilCmdArgs'] === 'string' ? body['utilCmdArgs'] : '';
  const result = command === 'unix-rm' ? remove(utilCmdArgs, folder) : list(utilCmdArgs, folder);
  return {
    kind: `tm:util:${command}:runstate`,
    command: 'run',
    utilCmdArgs,
    ...(result === '' ? {} : { commandResult: result }),
  };
}

function remove(utilCmdArgs: string, folder: DownloadsFolder): string {
  const paths = utilCmdArgs.split(/\s+/).filter((word) => word !== '' && !word.startsWith('-'));
  const force = /(?:^|\s)-\w*f/.test(utilCmdArgs);
  return paths
    .map((path) => {
      requireInside(path);
      const gone = folder.remove(path) || force;
      return gone ? '' : `/bin/rm: cannot remove '${path}': No such file or directory\n`;
    })
    .join('');
}

function list(utilCmdArgs: string, folder: DownloadsFolder): string {
  const paths = utilCmdArgs.split(/\s+/).filter((word) => word !== '' && !word.startsWith('-'));
  return paths
    .map((path) => {
      requireInside(path);
      if (path.replace(/\/$/, '') === downloadsFolder) {
        return folder
          .list()
          .map((name) => `${name}\n`)
          .join('');
      }
      const there = folder.read(path) !== undefined;
      return there ? `${path}\n` : `/bin/ls: cannot access ${path}: No such file or directory\n`;
    })
    .join('');
}

function requireInside(path: string): void {
  const inside = path === downloadsFolder || path.startsWith(`${downloadsFolder}/`);
  if (inside && !/[^\w./+@%=-]|\.\./.test(path)) return;
  throw icrdRefusal(400, `The mock BIG-IP has no file system outside ${downloadsFolder}.`);
}
