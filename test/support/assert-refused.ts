import assert from 'node:assert/strict';
import { inspect } from 'node:util';

import { AgentError } from '../../src/errors.js';
import type { ErrorCode } from '../../src/errors.js';

/** Expects an `AgentError` that a person can act on: of this code, on one line, without a cause or a key in it. */
export async function assertRefused(
  call: Promise<unknown>,
  code: ErrorCode,
  message: RegExp,
  nextStep = /./,
): Promise<AgentError> {
  const error: unknown = await call.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof AgentError, inspect(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  assert.match(error.nextStep, nextStep);
  assert.doesNotMatch(error.message, /\n/);
  assert.equal(error.cause, undefined);
  assert.doesNotMatch(inspect(error, { showHidden: true, depth: 9 }), /-----BEGIN/);
  return error;
}
