import { randomBytes } from 'node:crypto';
import { AgentError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Secret } from '../secret.js';
import type { Clock } from '../clock.js';
import { DeviceError } from './errors.js';
import type { Requester } from './request.js';
import { repeatWhileTransient } from './retry.js';

/** A file in the device's upload folder. */
export interface UploadedFile {
  readonly name: string;
  /** For the `sourcePath` member of a file object. */
  readonly sourcePath: string;
}

export type UploadContent = string | Buffer | Secret<string> | Secret<Buffer>;

export const uploadChunkBytes = 512 * 1024;

const folder = '/var/config/rest/downloads';
const ownName = /^mesh-[0-9a-f]{32}$/;

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
   * @throws what uploading or `use` throws; a removal that fails is logged and tried again later
   */
  async withFiles<T>(
    contents: readonly UploadContent[],
    use: (files: readonly UploadedFile[]) => Promise<T>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const names = contents.map(() => `mesh-${randomBytes(16).toString('hex')}`);
    const begun: string[] = [];
    let complete = false;
    try {
      for (const [index, name] of names.entries()) {
        begun.push(name);
        await this.#upload(name, bytesOf(contents[index] ?? ''), signal);
      }
      complete = true;
      return await use(names.map((name) => ({ name, sourcePath: `file:${folder}/${name}` })));
    } finally {
      await this.#remove(begun, complete);
    }
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
    const path = `/mgmt/shared/file-transfer/uploads/${name}`;
    let remaining: unknown;
    for (let start = 0; start < bytes.length; start += uploadChunkBytes) {
      const chunk = bytes.subarray(start, start + uploadChunkBytes);
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
    // An upload that broke off lies in tmp.
    const places = complete && this.#leftBehind.size === 0 ? [folder] : [folder, `${folder}/tmp`];
    const paths = places.flatMap((place) => doomed.map((name) => `${place}/${name}`));
    try {
      const { json } = await this.#requester.request({
        method: 'POST',
        path: '/mgmt/tm/util/unix-rm',
        body: { command: 'run', utilCmdArgs: paths.join(' ') },
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
