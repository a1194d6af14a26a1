import { randomBytes } from 'node:crypto';
import { AgentError } from '../errors.js';
import type { Secret } from '../secret.js';
import type { Answer, DeviceHttp } from './device-http.js';
import { objectsOf, textOf } from './json.js';
import { collection } from './subject.js';

/** The only partition that the suite writes to; what is in it when a run ends is removed. */
export const partitionName = 'mesh_conformance';

/** By this a later run knows that it may remove what an earlier one, which was killed, left behind. */
const mark = 'made by the conformance suite of bigip-mesh-agent; may be removed';
const uploadFolder = '/var/config/rest/downloads';
const partitionPath = `${collection('auth/partition')}/${partitionName}`;

/** What the checks make, referring objects first. */
const kinds = [
  'ltm/virtual',
  'ltm/virtual-address',
  'ltm/profile/client-ssl',
  'ltm/rule',
  'ltm/pool',
  'ltm/node',
  'ltm/data-group/internal',
  'sys/file/ssl-cert',
  'sys/file/ssl-key',
] as const;

/** The partition of a run, and the files that it uploaded. */
export class OwnPartition {
  readonly #http: DeviceHttp;
  readonly #uploads = new Set<string>();

  constructor(http: DeviceHttp) {
    this.#http = http;
  }

  /**
   * Makes the partition, anew where a run that was killed left one.
   *
   * @returns the answer to the creation, which may be a refusal
   * @throws AgentError MESH_ERR_DEVICE_EXISTS when there is one that somebody else made
   */
  async create(): Promise<Answer> {
    const existing = await this.#http.get(partitionPath);
    if (existing.status === 200) {
      if (existing.json['description'] !== mark) {
        throw new AgentError(
          'MESH_ERR_DEVICE_EXISTS',
          `the device has a partition ${partitionName} that this suite did not make`,
          'Rename or remove it, or run the suite without --write',
        );
      }
      await this.remove();
    }
    return this.#http.post(collection('auth/partition'), { name: partitionName, description: mark });
  }

  /** @returns the value for `sourcePath` */
  async upload(name: string, content: string | Secret): Promise<string> {
    const file = this.nameUpload(name);
    const bytes = Buffer.from(typeof content === 'string' ? content : content.reveal());
    await this.#http.post(`/mgmt/shared/file-transfer/uploads/${file}`, bytes, {
      headers: {
        'Content-Type': 'application/octet-stream',
        'Content-Range': `0-${bytes.length - 1}/${bytes.length}`,
      },
    });
    return `file:${uploadFolder}/${file}`;
  }

  /** A name for an upload that nobody else uses, and that is removed at the end. */
  nameUpload(name: string): string {
    const file = `${partitionName}-${randomBytes(8).toString('hex')}-${name}`;
    this.#uploads.add(file);
    return file;
  }

  /** Removes all that a run made. @throws AgentError MESH_ERR_DEVICE_IN_USE when something stays */
  async remove(): Promise<void> {
    await this.#removeUploads();
    for (const kind of kinds) {
      const { json } = await this.#http.get(
        `${collection(kind)}?$filter=partition%20eq%20${partitionName}&$select=fullPath`,
      );
      for (const { fullPath } of objectsOf(json['items'])) {
        // Whatever the filter gave, nothing outside the partition is touched.
        const path = textOf(fullPath);
        if (!path.startsWith(`/${partitionName}/`)) continue;
        await this.#http.delete(`${collection(kind)}/${encodeURIComponent(path).replaceAll('%2F', '~')}`);
      }
    }
    const { status, json } = await this.#http.delete(partitionPath);
    if (status === 200 || status === 404) return;
    throw new AgentError(
      'MESH_ERR_DEVICE_IN_USE',
      `partition ${partitionName} could not be removed: ${textOf(json['message'])}`,
      'Remove it by hand; everything in it was made by this suite',
    );
  }

  async #removeUploads(): Promise<void> {
    if (this.#uploads.size === 0) return;
    const paths = [...this.#uploads].flatMap((file) => [
      `${uploadFolder}/${file}`,
      `${uploadFolder}/tmp/${file}`,
    ]);
    await this.#http.post(collection('util/unix-rm'), {
      command: 'run',
      utilCmdArgs: paths.join(' '),
    });
    this.#uploads.clear();
  }
}
