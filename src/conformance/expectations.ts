import { isDeepStrictEqual } from 'node:util';
import { Difference } from './check.js';
import type { Answer } from './device-http.js';
import type { JsonObject } from './json.js';

/** What a refusal of the configuration (mcpd, icrd) has to be. */
interface ExpectedRefusal {
  readonly status: number;
  readonly apiError: number;
  readonly message: string | RegExp;
}

const longestSeen = 300;

/** @throws Difference unless both are the same value, members in any order */
export function expectEqual(what: string, seen: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(seen, expected))
    throw new Difference(`${what} ${show(expected)}`, `${what} ${show(seen)}`);
}

/** @throws Difference unless the text matches */
export function expectMatch(what: string, seen: unknown, expected: RegExp): void {
  if (typeof seen !== 'string' || !expected.test(seen)) {
    throw new Difference(`${what} like ${String(expected)}`, `${what} ${show(seen)}`);
  }
}

/** @throws Difference unless it is so; `expected` is the statement in words */
export function expectThat(isSo: boolean, expected: string, seen: unknown): void {
  if (!isSo) throw new Difference(expected, show(seen));
}

/** @throws Difference unless the status is this; the body is shown where it is an error's */
export function expectStatus(answer: Answer, expected: number): void {
  if (answer.status === expected) return;
  const { message } = answer.json;
  throw new Difference(
    `status ${expected}`,
    `status ${answer.status}${typeof message === 'string' ? ` with ${show(message)}` : ''}`,
  );
}

/** @returns the body of an answer that has to be 200 */
export function expectOk(answer: Answer): JsonObject {
  expectStatus(answer, 200);
  return answer.json;
}

/** @throws Difference unless the configuration refused in this way: `code`, `message`, `errorStack`, `apiError` */
export function expectRefusal(answer: Answer, { status, apiError, message }: ExpectedRefusal): void {
  expectStatus(answer, status);
  const { json } = answer;
  if (typeof message === 'string') expectEqual('message', json['message'], message);
  else expectMatch('message', json['message'], message);
  expectEqual('code', json['code'], status);
  expectEqual('apiError', json['apiError'], apiError);
  expectEqual('errorStack', json['errorStack'], []);
  expectEqual('kind', json['kind'], undefined);
}

/** @throws Difference unless the Java workers refused in this way, and not the configuration */
export function expectWorkerError(
  answer: Answer,
  { status, message }: { readonly status: number; readonly message: RegExp },
): void {
  expectStatus(answer, status);
  const { json } = answer;
  expectEqual('kind', json['kind'], ':resterrorresponse');
  expectEqual('code', json['code'], status);
  expectMatch('message', json['message'], message);
  expectEqual('apiError', json['apiError'], undefined);
}

/** @throws Difference unless each of these members has this value */
export function expectMembers(object: JsonObject, expected: JsonObject): void {
  for (const [name, value] of Object.entries(expected)) expectEqual(name, object[name], value);
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > longestSeen ? `${text.slice(0, longestSeen)}...` : text;
}
