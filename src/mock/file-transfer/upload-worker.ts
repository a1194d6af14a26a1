import { Secret } from '../../secret.js';
import type { MgmtRequest } from '../http/mgmt-request.js';
import { header } from '../http/mgmt-request.js';
import { ok } from '../http/mgmt-response.js';
import type { MgmtResponse, RestErrors } from '../http/mgmt-response.js';
import { downloadsFolder } from './downloads-folder.js';
import type { DownloadsFolder } from './downloads-folder.js';

interface Upload {
  readonly total: number;
  readonly content: Secret<Buffer>;
  /** Length of each chunk, by its offset. */
  readonly chunks: ReadonlyMap<number, number>;
}

/** `/mgmt/shared/file-transfer/uploads/NAME`: files in chunks, each with the bytes it covers in Content-Range. */
export class UploadWorker {
  readonly #folder: DownloadsFolder;
  readonly #errors: RestErrors;
  readonly #now: () => Date;
  /** Uploads under way; two of one name fall over each other, as on the device. */
  readonly #uploads = new Map<string, Upload>();

  constructor(folder: DownloadsFolder, errors: RestErrors, now: () => Date) {
    this.#folder = folder;
    this.#errors = errors;
    this.#now = now;
  }

  upload(request: MgmtRequest, name: string): MgmtResponse {
    if (!/^[\w.+@%=-]+$/.test(name) || name.startsWith('.') || name.endsWith('.iso')) {
      return this.#errors.response(request, 400, `Invalid file name for upload`);
    }
    const range = parseRange(header(request, 'content-range'));
    const length = request.body.length;
    if (range === undefined || range.end < range.start || range.end >= range.total) {
      return this.#errors.response(request, 400, 'Invalid or missing Content-Range header');
    }
    const expected = range.end - range.start + 1;
    if (expected !== length) {
      const message = `Chunk byte count ${expected} different from received buffer length ${length}`;
      return this.#errors.response(request, 400, message);
    }
    const upload = this.#add(name, range.start, range.total, request.body);
    const remaining = upload.total - covered(upload.chunks);
    if (remaining === 0) {
      this.#uploads.delete(name);
      this.#folder.write(name, upload.content);
    }
    return ok({
      remainingByteCount: remaining,
      usedChunks: Object.fromEntries([...upload.chunks].map(([start, size]) => [String(start), size])),
      totalByteCount: upload.total,
      localFilePath: `${downloadsFolder}/${name}`,
      temporaryFilePath: `${downloadsFolder}/tmp/${name}`,
      generation: 0,
      lastUpdateMicros: this.#now().getTime() * 1000,
    });
  }

  #add(name: string, start: number, total: number, chunk: Buffer): Upload {
    const open = this.#uploads.get(name);
    // Offset 0, or another size, begins the file anew.
    const fresh = open === undefined || start === 0 || open.total !== total;
    const upload: Upload = fresh
      ? { total, content: new Secret(Buffer.alloc(total)), chunks: new Map([[start, chunk.length]]) }
      : { ...open, chunks: new Map(open.chunks).set(start, chunk.length) };
    chunk.copy(upload.content.reveal(), start);
    this.#uploads.set(name, upload);
    return upload;
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly total: number;
}

/** `0-524287/1700000`, end inclusive, without the `bytes ` of HTTP. */
function parseRange(value: string | undefined): Range | undefined {
  const match = /^(\d+)-(\d+)\/(\d+)$/.exec(value ?? '');
  if (match === null) return undefined;
  const [start = 0, end = 0, total = 0] = match.slice(1).map(Number);
  return total > maximumSize ? undefined : { start, end, total };
}

/** Far above any certificate or record file, and small enough to hold. */
const maximumSize = 256 * 1024 * 1024;

/** Bytes that chunks cover; some clients let them overlap by one. */
function covered(chunks: ReadonlyMap<number, number>): number {
  let reached = 0;
  let total = 0;
  for (const [start, size] of [...chunks].sort(([a], [b]) => a - b)) {
    const end = start + size;
    total += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return total;
}
