import { randomBytes } from 'node:crypto';
import { Secret } from '../../secret.js';
import { Inapplicable } from '../check.js';
import type { CheckGroup } from '../check.js';
import {
  expectEqual,
  expectMatch,
  expectMembers,
  expectOk,
  expectStatus,
  expectThat,
  expectWorkerError,
} from '../expectations.js';
import { isJsonObject, objectsOf, textOf } from '../json.js';
import type { JsonObject } from '../json.js';
import type { Session, Subject } from '../subject.js';

const loginPath = '/mgmt/shared/authn/login';
const tokensPath = '/mgmt/shared/authz/tokens';

/** Tokens: the agent holds one for each device, extends it while it is used, and removes those of killed processes. */
export const loginChecks: CheckGroup = {
  title: 'login',
  checks: [
    {
      name: 'a login answers with a token of 26 characters of base32, good for 1200 s',
      evidence: 'recorded, 13.1.0.8 and 15.x',
      needs: 'login',
      async run(subject) {
        const { token, answer } = sessionOf(subject);
        expectThat(
          /^[A-Z2-7]{26}$/.test(textOf(token['token'])),
          'a token like that',
          'another form of token',
        );
        expectThat(token['name'] === token['token'], 'the token for its own name', 'another name');
        expectEqual('timeout', token['timeout'], 1200);
        expectEqual('loginProviderName', answer['loginProviderName'], 'tmos');
      },
    },
    {
      name: 'a token ends its timeout after its start',
      evidence: 'recorded, 13.1.0.8',
      needs: 'login',
      async run(subject) {
        const { token } = sessionOf(subject);
        expectMatch('startTime', token['startTime'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}$/);
        expectEqual('expirationMicros', token['expirationMicros'], startMicros(token) + 1200e6);
      },
    },
    {
      name: 'a user sees the own tokens, each with the user and the address that it was given to',
      evidence: 'F5 ta-p/287462; members recorded, 13.1.0.8',
      needs: 'login',
      async run(subject) {
        const { token } = sessionOf(subject);
        const { userName, address } = token;
        expectThat(textOf(userName) !== '' && textOf(address) !== '', 'userName and address', {
          userName,
          address,
        });
        const items = objectsOf(expectOk(await subject.http.get(tokensPath))['items']);
        const own = items.find((listed) => listed['token'] === token['token']);
        expectThat(own !== undefined, 'the session’s own token in the list', `${items.length} others`);
        expectMembers(own ?? {}, { userName, address });
      },
    },
    {
      name: 'a token is extended by a PATCH of its timeout, any number up to 36000 s, counted from the login',
      evidence: 'recorded, 13.1.0.8, with 36000',
      needs: 'login',
      async run(subject) {
        const { token } = sessionOf(subject);
        const path = `${tokensPath}/${textOf(token['token'])}`;
        const extended = expectOk(await subject.http.patch(path, { timeout: 1807 }));
        expectEqual('timeout', extended['timeout'], 1807);
        expectEqual('expirationMicros', extended['expirationMicros'], startMicros(token) + 1807e6);
      },
    },
    {
      name: 'a timeout over 36000 s is refused with 406',
      evidence: 'F5 ta-p/287462',
      needs: 'login',
      async run(subject) {
        const path = `${tokensPath}/${textOf(sessionOf(subject).token['token'])}`;
        const answer = await subject.http.patch(path, { timeout: 36_001 });
        expectStatus(answer, 406);
        expectMatch(
          'message',
          answer.json['message'],
          /Auth-token absolute timeout \(36000 seconds\) exceeded/,
        );
      },
    },
    {
      name: 'a deleted token is refused with 401 "X-F5-Auth-Token does not exist."',
      evidence: 'recorded, 13.1.0.2',
      needs: 'login',
      async run(subject) {
        const { headers, remove } = await anotherLogin(subject);
        expectStatus(await remove(), 200);
        const answer = await subject.http.get('/mgmt/tm/sys/version', { as: 'nobody', headers });
        expectWorkerError(answer, { status: 401, message: /^X-F5-Auth-Token does not exist\.$/ });
      },
    },
    {
      name: 'a refusal names the client by the address that its tokens carry',
      evidence: 'members recorded, 13.1.0.2 and 14.1; that they agree is not on record',
      needs: 'login',
      async run(subject) {
        const { address } = sessionOf(subject).token;
        const { json } = await subject.http.get('/mgmt/tm/sys/version', { as: 'nobody' });
        expectEqual('referer', json['referer'], address);
      },
    },
    {
      name: 'a wrong user name or password is refused with 401, without an echo of the password',
      evidence: 'recorded, 14.1 and 15.1',
      needs: 'nothing',
      async run({ http }) {
        // A user that nobody has: devices lock the accounts of those they know.
        const password = randomBytes(12).toString('hex');
        const body = { username: 'mesh_conformance_nobody', password, loginProviderName: 'tmos' };
        const answer = await http.post(loginPath, body, { as: 'nobody' });
        expectWorkerError(answer, { status: 401, message: /^Authentication failed\.$/ });
        expectThat(!answer.text.includes(password), 'no password in the answer', 'the password');
      },
    },
    {
      name: 'a call without credentials is refused with 401 "no user authentication header or token detected"',
      evidence: 'recorded, 17.1.0.1',
      needs: 'nothing',
      async run({ http }) {
        const answer = await http.get('/mgmt/tm/ltm/virtual', { as: 'nobody' });
        const message = /^Authorization failed: no user authentication header or token detected\. /;
        expectWorkerError(answer, { status: 401, message });
      },
    },
    {
      name: 'a user name and a password are taken for a single call, and set a cookie',
      evidence: 'recorded, 17.1.2.1',
      needs: 'login',
      async run(subject) {
        const { username: user, password } = sessionOf(subject);
        const answer = await subject.http.get(tokensPath, { as: { user, password } });
        if (answer.status === 401) throw new Inapplicable('db httpd.basic_auth is off');
        expectStatus(answer, 200);
        const cookies = (answer.headers['set-cookie'] ?? []).map((cookie) => cookie.split('=')[0] ?? '');
        expectThat(cookies.includes('BIGIPAuthCookie'), 'the cookie BIGIPAuthCookie', cookies);
      },
    },
  ],
};

function sessionOf({ session }: Subject): Session {
  if (session === undefined) throw new Inapplicable('nobody is logged in');
  return session;
}

function startMicros(token: JsonObject): number {
  // ECMAScript wants a colon in the offset, which devices leave out.
  return Date.parse(textOf(token['startTime']).replace(/(\d\d)$/, ':$1')) * 1000;
}

async function anotherLogin(subject: Subject) {
  const { username, password } = sessionOf(subject);
  const body = { username, password: password.reveal(), loginProviderName: 'tmos' };
  const { token } = expectOk(await subject.http.post(loginPath, body, { as: 'nobody' }));
  const value = new Secret(textOf(isJsonObject(token) ? token['token'] : ''));
  const headers = { 'X-F5-Auth-Token': value.reveal() };
  const path = `${tokensPath}/${value.reveal()}`;
  return { headers, remove: () => subject.http.delete(path, { as: 'nobody', headers }) };
}
