import type { Json } from '../json.js';
import type { MgmtRequest } from './mgmt-request.js';

/** A JSON body; an empty one is `{}`; undefined: not JSON. */
export function parseBody(request: MgmtRequest): Json | undefined {
  const text = request.body.toString('utf8').trim();
  if (text === '') return {};
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
