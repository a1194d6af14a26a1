import type { JsonObject } from './request.js';

/** An HTTP answer, read once. */
export interface Answer {
  readonly status: number;
  /** The body when it is a JSON object; an empty body (DELETE gives one) is undefined. */
  readonly json: JsonObject | undefined;
  /** The body when it is anything else: Apache's and Jetty's pages are HTML. */
  readonly text: string | undefined;
}

/** @param contentType the header's value; Apache and Jetty answer `text/html` in place of JSON */
export function readAnswer(status: number, contentType: string, body: Buffer): Answer {
  if (body.length === 0) return { status, json: undefined, text: undefined };
  const text = body.toString('utf8');
  if (!contentType.toLowerCase().includes('json')) return { status, json: undefined, text };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { status, json: value as JsonObject, text: undefined };
    }
  } catch {
    // A cut or wrong body is told apart by what is missing: it has text and no JSON.
  }
  return { status, json: undefined, text };
}

/** A member that is text; undefined where it is missing or anything else. */
export function textOf(json: JsonObject | undefined, member: string): string | undefined {
  const value = json?.[member];
  return typeof value === 'string' ? value : undefined;
}
