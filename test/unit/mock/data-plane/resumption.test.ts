import { strict as assert } from 'node:assert';
import type { ConnectionOptions } from 'node:tls';
import type { ClientSslConfiguration } from '../../../../src/mock/data-plane/configuration.js';
import type { Svid } from '../../../../src/spiffe/svid.js';
import { TestBed, trustedSleep } from './test-bed.js';
import type { Settings } from './test-bed.js';

/** What a BIG-IP has when nobody set anything but the peer certificate mode. */
const deviceDefaults: Partial<ClientSslConfiguration> = {
  authenticate: 'once',
  cacheSize: 262_144,
  sessionTicket: false,
  renegotiation: true,
};

describe('a caller who comes back on an old TLS session', () => {
  let bed: TestBed;
  let caller: Svid;
  before(async () => {
    bed = await TestBed.start();
    caller = await bed.ca.mint(trustedSleep);
  });
  after(() => bed.close());

  const cases: ReadonlyArray<
    [
      name: string,
      clientSsl: Partial<ClientSslConfiguration>,
      version: 'TLSv1.2' | 'TLSv1.3',
      resumes: boolean,
    ]
  > = [
    ['the profile of the agent', {}, 'TLSv1.2', false],
    ['the profile of the agent, were TLS 1.3 on', { options: [] }, 'TLSv1.3', false],
    ['a cache, by session ID', deviceDefaults, 'TLSv1.2', true],
    ['tickets', { ...deviceDefaults, cacheSize: 0, sessionTicket: true }, 'TLSv1.2', true],
    ['a cache and TLS 1.3', { ...deviceDefaults, options: [] }, 'TLSv1.3', true],
    [
      'tickets and TLS 1.3',
      { ...deviceDefaults, cacheSize: 0, sessionTicket: true, options: [] },
      'TLSv1.3',
      true,
    ],
    [
      'a cache, but authentication each time',
      { ...deviceDefaults, authenticate: 'always' },
      'TLSv1.2',
      false,
    ],
  ];

  for (const [name, clientSsl, version, resumes] of cases) {
    describe(`with ${name}`, () => {
      const options: ConnectionOptions = { minVersion: version, maxVersion: version };
      const come = async (settings: Settings): Promise<{ session: Buffer | undefined }> => {
        await bed.apply({ clientSsl, ...settings });
        const { session, data } = await bed.call(caller, options);
        assert.equal(data, 'HI');
        return { session };
      };
      const back = (session: Buffer | undefined) =>
        bed.call(caller, { ...options, ...(session === undefined ? {} : { session }) });

      it(
        resumes ? 'is let in on the old session while listed' : 'has no session to come back on',
        async () => {
          const { session } = await come({});
          const { data, isResumed } = await back(session);
          assert.deepEqual({ data, isResumed }, { data: 'HI', isResumed: resumes });
        },
      );

      it('is refused when the allowlist no longer has it', async () => {
        const { session } = await come({});
        await bed.apply({ clientSsl, allow: [] });
        bed.log.length = 0;
        bed.received.length = 0;
        const { data, error } = await back(session);
        assert.deepEqual({ data, error }, { data: '', error: 'ECONNRESET' });
        assert.deepEqual(bed.received, []);
        const event = resumes ? 'CLIENTSSL_HANDSHAKE' : 'CLIENTSSL_CLIENTCERT';
        assert.equal(bed.log.length, 1);
        assert.match(
          bed.log[0] ?? '',
          new RegExp(`<${event}>: rejecting: ${trustedSleep} \\(not-listed\\)$`),
        );
      });
    });
  }

  it('is refused when the session has kept no certificate', async () => {
    const clientSsl = { ...deviceDefaults, retainCertificate: false };
    await bed.apply({ clientSsl });
    const { session } = await bed.call(caller);
    assert.ok(session);
    bed.log.length = 0;
    const { data, error } = await bed.call(caller, { session });
    assert.deepEqual({ data, error }, { data: '', error: 'ECONNRESET' });
    assert.match(bed.log[0] ?? '', /<CLIENTSSL_HANDSHAKE>: rejecting: - \(no-certificate\)$/);
  });

  it('cannot resume the session on which it was refused', async () => {
    await bed.apply({ clientSsl: deviceDefaults });
    const { session } = await bed.call(caller);
    assert.ok(session);
    await bed.apply({ clientSsl: deviceDefaults, allow: [] });
    assert.equal((await bed.call(caller, { session })).isResumed, true);
    await bed.apply({ clientSsl: deviceDefaults });
    const { data, isResumed } = await bed.call(caller, { session });
    assert.deepEqual({ data, isResumed }, { data: 'HI', isResumed: false });
  });
});
