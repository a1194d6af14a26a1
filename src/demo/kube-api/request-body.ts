import type { IncomingMessage } from 'node:http';

import { parse as parseYaml } from 'yaml';

import { ApiError, badRequest } from './api-error.js';
import { isJsonObject } from './json.js';
import type { Json, JsonObject } from './json.js';

/** The API server's own limit. */
const largestBody = 3 * 1024 * 1024;

/** The media type without its parameters. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? '';
}

/** Reads a body of JSON, or of YAML where its type says so. */
export async function readBody(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) {
      throw new ApiError(413, 'RequestEntityTooLarge', `limit is ${largestBody}`);
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  if (text === '') return null;
  const type = mediaType(request);
  if (type.includes('protobuf')) {
    throw new ApiError(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - ${type}`,
    );
  }
  try {
    return (type.endsWith('yaml') ? parseYaml(text) : JSON.parse(text)) as Json;
  } catch {
    throw badRequest('the object provided is unrecognized (must be of type JSON or YAML)');
  }
}

export async function readObject(request: IncomingMessage): Promise<JsonObject> {
  const body = await readBody(request);
  if (!isJsonObject(body)) throw badRequest('the body of the request is not an object');
  return body;
}
