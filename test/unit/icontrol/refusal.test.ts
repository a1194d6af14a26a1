import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from '../../../src/errors.js';
import { readAnswer } from '../../../src/icontrol/answer.js';
import { refusalOf } from '../../../src/icontrol/refusal.js';
import type { DeviceError } from '../../../src/icontrol/errors.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';

const asked = { method: 'GET', path: '/mgmt/tm/ltm/pool/~mesh~echo_pool' } as const;

function refuse(status: number, body: unknown): DeviceError {
  const isText = typeof body === 'string';
  const bytes = Buffer.from(isText ? body : JSON.stringify(body));
  return refusalOf(asked, readAnswer(status, isText ? 'text/html' : 'application/json;charset=utf-8', bytes));
}

interface Expected {
  readonly code: ErrorCode;
  readonly transient: boolean;
  readonly deviceCode?: string;
  readonly outcomeUnknown?: boolean;
}

/** What each recorded answer means; the file's name says its status. */
const recorded: Readonly<Record<string, Expected>> = {
  'error-400-bad-json-17.1.2.1': { code: 'MESH_ERR_DEVICE_REFUSED', transient: false },
  'error-400-cert-sourcepath-unreadable': { code: 'MESH_ERR_DEVICE_REFUSED', transient: false },
  'error-400-data-too-long': { code: 'MESH_ERR_DEVICE_REFUSED', transient: false, deviceCode: '01070712' },
  'error-400-file-object-in-use': {
    code: 'MESH_ERR_DEVICE_IN_USE',
    transient: false,
    deviceCode: '01071349',
  },
  'error-400-folder-missing': { code: 'MESH_ERR_DEVICE_REFUSED', transient: false },
  'error-400-key-cert-mismatch': {
    code: 'MESH_ERR_DEVICE_KEY_MISMATCH',
    transient: false,
    deviceCode: '01070317',
  },
  'error-400-node-in-use': { code: 'MESH_ERR_DEVICE_IN_USE', transient: false, deviceCode: '01070110' },
  'error-400-profile-in-use': { code: 'MESH_ERR_DEVICE_IN_USE', transient: false, deviceCode: '01070265' },
  'error-400-rbac-mcpd': { code: 'MESH_ERR_DEVICE_ACCESS_DENIED', transient: false, deviceCode: '01070822' },
  'error-400-remote-timeout': { code: 'MESH_ERR_DEVICE_TIMEOUT', transient: true, outcomeUnknown: true },
  'error-400-rule-cross-partition': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    transient: false,
    deviceCode: '01070726',
  },
  'error-400-rule-in-use': { code: 'MESH_ERR_DEVICE_IN_USE', transient: false, deviceCode: '01070265' },
  'error-400-rule-syntax': { code: 'MESH_ERR_DEVICE_REFUSED', transient: false, deviceCode: '01070151' },
  'error-400-transaction-failed': {
    code: 'MESH_ERR_DEVICE_IN_USE',
    transient: false,
    deviceCode: '01070320',
  },
  'error-400-virtual-destination-clash': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    transient: false,
    deviceCode: '01070333',
  },
  'error-401-login-bad-password': { code: 'MESH_ERR_DEVICE_AUTH_FAILED', transient: false },
  'error-401-no-credentials-17.1.0.1': { code: 'MESH_ERR_DEVICE_UNAUTHENTICATED', transient: true },
  'error-401-token-expired': { code: 'MESH_ERR_DEVICE_UNAUTHENTICATED', transient: true },
  'error-401-token-unknown': { code: 'MESH_ERR_DEVICE_UNAUTHENTICATED', transient: true },
  'error-404-data-group-17.1.2.1': {
    code: 'MESH_ERR_DEVICE_NOT_FOUND',
    transient: false,
    deviceCode: '01020036',
  },
  'error-404-object': { code: 'MESH_ERR_DEVICE_NOT_FOUND', transient: false, deviceCode: '01020036' },
  'error-404-pool-member-missing': {
    code: 'MESH_ERR_DEVICE_NOT_FOUND',
    transient: false,
    deviceCode: '01020036',
  },
  'error-404-public-uri-not-registered': {
    code: 'MESH_ERR_DEVICE_NOT_READY',
    transient: true,
    outcomeUnknown: true,
  },
  'error-404-transaction-empty': { code: 'MESH_ERR_DEVICE_NOT_FOUND', transient: false },
  'error-404-uri-not-registered': {
    code: 'MESH_ERR_DEVICE_NOT_READY',
    transient: true,
    outcomeUnknown: true,
  },
  'error-409-cert-exists': { code: 'MESH_ERR_DEVICE_EXISTS', transient: false, deviceCode: '01020066' },
  'error-409-data-group-exists-17.1.2.1': {
    code: 'MESH_ERR_DEVICE_EXISTS',
    transient: false,
    deviceCode: '01020066',
  },
  'error-409-data-group-record-exists-17.1.2.1': {
    code: 'MESH_ERR_DEVICE_EXISTS',
    transient: false,
    deviceCode: '01020066',
  },
  'error-500-mcpd-lost': { code: 'MESH_ERR_DEVICE_NOT_READY', transient: true, outcomeUnknown: true },
  'error-503-async-task': { code: 'MESH_ERR_DEVICE_BUSY', transient: true },
};

describe('refusalOf', () => {
  const fixtures = sharedData('icontrol-fixtures');

  it('finds the recorded answers', function () {
    if (fixtures === undefined)
      skipBecause(this, 'no recorded answers beside the checkout (icontrol-fixtures)');
  });
  for (const [name, expected] of fixtures === undefined ? [] : Object.entries(recorded)) {
    it(`reads the recorded ${name}`, () => {
      const file = join(fixtures ?? '', `${name}.json`);
      const error = refuse(Number(name.split('-')[1]), JSON.parse(readFileSync(file, 'utf8')));
      assert.deepEqual(
        {
          code: error.code,
          transient: error.transient,
          deviceCode: error.deviceCode,
          outcomeUnknown: error.outcomeUnknown,
        },
        { deviceCode: undefined, outcomeUnknown: false, ...expected },
      );
      assert.equal(error.resource, asked.path);
      assert.equal(error.nextStep.length > 10, true);
      assert.doesNotMatch(error.message, /\n|transaction failed/);
    });
  }

  it('reads pages of Apache and Jetty as a device that is not ready, never as an absent object', () => {
    for (const status of [200, 404, 500, 502, 503]) {
      const error = refuse(status, '<html><title>Configuration Utility restarting...</title></html>');
      assert.equal(error.code, 'MESH_ERR_DEVICE_NOT_READY');
      assert.match(error.message, /a page titled "Configuration Utility restarting\.\.\."/);
    }
  });

  it('takes the page of another web server for something that is no device', () => {
    const error = refuse(200, '<html><title>It works!</title></html>');
    assert.equal(error.code, 'MESH_ERR_DEVICE_PROTOCOL');
    assert.match(error.message, /a page titled "It works!"/);
  });

  it("tells Jetty's timeout from a restart", () => {
    const error = refuse(500, '<html><title>Error 500</title>AsyncContext timeout</html>');
    assert.deepEqual([error.code, error.outcomeUnknown], ['MESH_ERR_DEVICE_TIMEOUT', true]);
  });

  it('believes a 404 only when mcpd or icrd signs it', () => {
    const message = '01020036:3: The requested Pool (/mesh/echo_pool) was not found.';
    assert.equal(refuse(404, { code: 404, message, apiError: 3 }).code, 'MESH_ERR_DEVICE_NOT_FOUND');
    const icrd = { code: 404, message: 'Object not found - /mesh/wrong:80', apiError: 1 };
    assert.equal(refuse(404, icrd).code, 'MESH_ERR_DEVICE_NOT_FOUND');
    const unsigned = [
      { code: 404, message },
      { code: 404, message, kind: ':resterrorresponse' },
      {},
      { error: 'no such page' },
    ];
    for (const body of unsigned) assert.notEqual(refuse(404, body).code, 'MESH_ERR_DEVICE_NOT_FOUND');
  });

  it('takes a redirect for something that is no device', () => {
    assert.equal(refuse(302, '<html>').code, 'MESH_ERR_DEVICE_PROTOCOL');
  });

  it('reads a refusal of the Java workers, which comes as 401, as missing rights', () => {
    const error = refuse(401, {
      code: 401,
      message:
        'Authorization failed: user=https://localhost/mgmt/shared/authz/users/test resource=/mgmt/tm/net/self verb=GET',
      kind: ':resterrorresponse',
    });
    assert.equal(error.code, 'MESH_ERR_DEVICE_ACCESS_DENIED');
    assert.equal(refuse(403, {}).code, 'MESH_ERR_DEVICE_ACCESS_DENIED');
  });

  it('never repeats a token that stands in a path or a message', () => {
    const token = 'TCJMWPGBQGPZPJYUCY57J2IITA';
    const error = refusalOf(
      { method: 'PATCH', path: `/mgmt/shared/authz/tokens/${token}` },
      readAnswer(
        401,
        'application/json',
        Buffer.from(
          JSON.stringify({
            message: `Authorization failed: Uri:http://localhost:8100/mgmt/shared/authz/tokens/${token} x`,
            originalRequestBody: '{"password":"hunter2"}',
          }),
        ),
      ),
    );
    assert.doesNotMatch(JSON.stringify(error) + error.message, new RegExp(`${token}|hunter2`));
  });

  it('keeps a message to one line of bearable length', () => {
    const error = refuse(400, { message: `a\nb ${'x'.repeat(5000)}`, apiError: 3 });
    assert.equal(error.message.length < 800, true);
    assert.doesNotMatch(error.message, /\n/);
  });
});
