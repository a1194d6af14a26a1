import { randomBytes } from 'node:crypto';
import { AgentError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Secret } from '../secret.js';
import type { Clock } from '../clock.js';
import { DeviceError } from './errors.js';
import type { Command, Requester } from './request.js';
import { repeatWhileTransient } from './retry.js';

/** A file in the device's upload folder. */
interface UploadedFile {
  readonly name: string;
  /** For the `sourcePath` member of a file object. */
  readonly sourcePath: string;
}

type UploadContent = string | Buffer | Secret<string> | Secret<Buffer>;

const uploadChunkBytes = 512 * 1024;

const folder = '/var/config/rest/downloads';
const ownName = /^mesh-[0-9a-f]{32}$/;

/** For the `sourcePath` member of a file object. */
export function sourcePathOf(name: string): string {
  return `file:${folder}/${name}`;
}

/** The path that a file is sent to, and how many bytes go with each request. */
export function uploadChunks(
  name: string,
  bytes: number,
): { readonly path: string; readonly sizes: number[] } {
  const sizes = Array.from({ length: Math.ceil(bytes / uploadChunkBytes) }, (_, index) =>
    Math.min(uploadChunkBytes, bytes - index * uploadChunkBytes),
  );
  return { path: `/mgmt/shared/file-transfer/uploads/${name}`, sizes };
}

/** Removes files of our own alphabet from the given folders of the device. */
export function removalRequest(
  names: readonly string[],
  { isComplete }: { readonly isComplete: boolean },
): Command {
  // An upload that broke off lies in tmp.
  const places = isComplete ? [folder] : [folder, `${folder}/tmp`];
  const paths = places.flatMap((place) => names.map((name) => `${place}/${name}`));
  return {
    method: 'POST',
    path: '/mgmt/tm/util/unix-rm',
    body: { command: 'run', utilCmdArgs: paths.join(' ') },
  };
}

/**
 * Files on their way to the device. They lie in clear in a folder that nothing on the device tidies, so each is
 * removed as soon as its content has been used, and also when using it failed.
 */
export class Uploads {
  readonly #requester: Requester;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Names whose removal failed; they are tried again with the next removal. */
  readonly #leftBehind = new Set<string>();

  constructor(requester: Requester, clock: Clock, logger: Logger) {
    this.#requester = requester;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Uploads the contents, gives the files to `use`, and removes them from the upload folder whatever happens.
   *
   * @param options.mark how their names begin: 16 hexadecimal digits, by which a later process finds what one that was
   *   killed left behind; random by default
   * @throws what uploading or `use` throws; a removal that fails is logged and tried again later
   */
  async withFiles<T>(
    contents: readonly UploadContent[],
    use: (files: readonly UploadedFile[]) => Promise<T>,
    { signal, mark }: { readonly signal?: AbortSignal | undefined; readonly mark?: string } = {},
  ): Promise<T> {
    const random = (): string => randomBytes(8).toString('hex');
    const names = contents.map(() => `mesh-${mark ?? random()}${random()}`);
    const begun: string[] = [];
    let complete = false;
    try {
      for (const [index, name] of names.entries()) {
        begun.push(name);
        await this.#upload(name, bytesOf(contents[index] ?? ''), signal);
      }
      complete = true;
      return await use(names.map((name) => ({ name, sourcePath: sourcePathOf(name) })));
    } finally {
      await this.#remove(begun, complete);
    }
  }

  /**
   * The files of our own alphabet in the upload folder, whoever sent them, and those whose sending broke off.
   *
   * @throws DeviceError when the folder cannot be looked at
   */
  async list(signal?: AbortSignal): Promise<readonly string[]> {
    const { json } = await this.#requester.request({
      method: 'POST',
      path: '/mgmt/tm/util/unix-ls',
      body: { command: 'run', utilCmdArgs: `${folder} ${folder}/tmp` },
      repeatable: true,
      ...(signal === undefined ? {} : { signal }),
    });
    const printed = json?.['commandResult'];
    const words = typeof printed === 'string' ? printed.split(/\s+/) : [];
    return [...new Set(words.filter((word) => ownName.test(word)))];
  }

  /** Removes files of `list`. What cannot be removed is logged and tried again later. */
  async remove(names: readonly string[]): Promise<void> {
    await this.#remove(names, false);
  }

  /** Removes what earlier removals could not. */
  async removeLeftBehind(): Promise<void> {
    if (this.#leftBehind.size > 0) await this.#remove([], false);
  }

  async #upload(name: string, bytes: Buffer, signal: AbortSignal | undefined): Promise<void> {
    if (bytes.length === 0) {
      throw new AgentError('MESH_ERR_BUG', 'an empty file was to be uploaded', 'Report this');
    }
    // A chunk that failed leaves a file of unknown content: only the start is a safe place to resume.
    await repeatWhileTransient(() => this.#uploadFromStart(name, bytes, signal), {
      clock: this.#clock,
      signal,
    });
  }

  async #uploadFromStart(name: string, bytes: Buffer, signal: AbortSignal | undefined): Promise<void> {
    const { path, sizes } = uploadChunks(name, bytes.length);
    let remaining: unknown;
    for (const [index, size] of sizes.entries()) {
      const start = index * uploadChunkBytes;
      const chunk = bytes.subarray(start, start + size);
      const { json } = await this.#requester.request({
        method: 'POST',
        path,
        body: chunk,
        headers: {
          'Content-Type': 'application/octet-stream',
          // The end is inclusive, and unlike in RFC 9110 there is no unit in front.
          'Content-Range': `${start}-${start + chunk.length - 1}/${bytes.length}`,
        },
        ...(signal === undefined ? {} : { signal }),
      });
      remaining = json?.['remainingByteCount'];
    }
    if (remaining === 0) return;
    throw new DeviceError(
      'MESH_ERR_DEVICE_PROTOCOL',
      `POST ${path}: all bytes were sent and the device waits for more`,
      'Run apply again',
      { resource: path },
    );
  }

  /** The one use of a command on the device, on names of our own alphabet only. */
  async #remove(names: readonly string[], complete: boolean): Promise<void> {
    const doomed = [...this.#leftBehind, ...names].filter((name) => ownName.test(name));
    if (doomed.length === 0) return;
    const isComplete = complete && this.#leftBehind.size === 0;
    try {
      const { json } = await this.#requester.request({
        ...removalRequest(doomed, { isComplete }),
        repeatable: true,
        detached: true,
      });
      refuseComplaints(json?.['commandResult']);
      for (const name of doomed) this.#leftBehind.delete(name);
    } catch (error) {
      for (const name of doomed) this.#leftBehind.add(name);
      this.#logger.error(
        { files: doomed, reason: error instanceof AgentError ? error.message : 'unknown' },
        `uploaded files are still in ${folder} of the device`,
      );
    }
  }
}

/** The command answers 200 whatever happens; what it prints are its errors. A missing file is as removed. */
function refuseComplaints(printed: unknown): void {
  if (typeof printed !== 'string') return;
  const complaint = printed
    .split('\n')
    .find((line) => line.trim() !== '' && !line.includes('No such file or directory'));
  if (complaint === undefined) return;
  throw new DeviceError('MESH_ERR_DEVICE_REFUSED', complaint, 'Remove the files by hand', {
    resource: '/mgmt/tm/util/unix-rm',
  });
}

function bytesOf(content: UploadContent): Buffer {
  const plain = typeof content === 'string' || Buffer.isBuffer(content) ? content : content.reveal();
  return typeof plain === 'string' ? Buffer.from(plain, 'utf8') : plain;
}
