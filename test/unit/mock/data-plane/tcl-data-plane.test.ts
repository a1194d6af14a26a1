import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import type { Svid } from '../../../../src/spiffe/svid.js';
import { hasOpenssl } from '../../../support/openssl.js';
import { OpensslCaller } from '../../../support/openssl-caller.js';
import { skipBecause } from '../../../support/skip.js';
import { defaultAccount, rejecting, TestBed, trustedSleep, until, virtualServer } from './test-bed.js';

describe('the data plane', () => {
  let bed: TestBed;
  let good: Svid;
  let bad: Svid;
  before(async () => {
    bed = await TestBed.start();
    good = await bed.ca.mint(trustedSleep);
    bad = await bed.ca.mint(defaultAccount);
  });
  after(() => bed.close());
  beforeEach(() => bed.forget());

  describe('with the profile and the rule of the agent', () => {
    before(() => bed.apply());

    it('lets the allowed caller talk to the pool member, both ways, with a half-closed end', async () => {
      const { data, protocol, error } = await bed.call(good);
      assert.deepEqual({ data, protocol, error }, { data: 'HI', protocol: 'TLSv1.2', error: undefined });
      assert.deepEqual(bed.said(), [
        `Rule /mesh/spiffe_allowlist <CLIENTSSL_HANDSHAKE>: allowing: ${trustedSleep}`,
      ]);
    });

    it('resets another caller before the handshake is over, and tells the pool member nothing', async () => {
      const { data, protocol, error, session } = await bed.call(bad);
      assert.deepEqual(
        { data, protocol, error, session },
        { data: '', protocol: undefined, error: 'ECONNRESET', session: undefined },
      );
      assert.deepEqual(bed.received, []);
      assert.deepEqual(bed.said(), [rejecting('CLIENTSSL_CLIENTCERT', `${defaultAccount} (not-listed)`)]);
    });

    it('answers a caller without a certificate by a fatal alert, before any rule runs', async () => {
      const { error, protocol } = await bed.call(undefined);
      assert.deepEqual(
        { error, protocol },
        { error: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', protocol: undefined },
      );
      assert.deepEqual(bed.said(), []);
    });

    it('answers a certificate of another CA by unknown_ca, and an expired one by certificate_expired', async () => {
      const { MeshCa } = await import('../../../../src/demo/mesh-ca.js');
      const stranger = await MeshCa.create({ now: new Date(), cluster: 'elsewhere' });
      assert.equal(
        (await bed.call(await stranger.mint(trustedSleep))).error,
        'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      );
      const expired = await bed.ca.mint(trustedSleep, {
        notBefore: new Date(1_700_000_000_000),
        notAfter: new Date(1_700_086_400_000),
      });
      assert.equal((await bed.call(expired)).error, 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED');
      assert.deepEqual(bed.received, []);
    });

    it('gives a client that speaks no TLS nothing but a reset', async () => {
      const socket = connectTcp(bed.port, '127.0.0.1');
      let heard = '';
      socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
      socket.write('GET / HTTP/1.0\r\n\r\n');
      const [failure] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      assert.equal(failure.code, 'ECONNRESET');
      assert.equal(heard, '');
      assert.deepEqual(bed.received, []);
    });

    it('selects no ALPN protocol, whatever a sidecar offers', async () => {
      const socket = connectTls(bed.callerOptions(good));
      await once(socket, 'secureConnect');
      assert.equal(socket.alpnProtocol, false);
      socket.destroy();
      await once(socket, 'close');
    });

    it('refuses TLS 1.3 alone with protocol_version', async () => {
      const { error } = await bed.call(good, { minVersion: 'TLSv1.3' });
      assert.match(error ?? '', /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
    });

    it('answers a client without a common cipher suite by handshake_failure', async () => {
      const { error } = await bed.call(good, { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' });
      assert.equal(error, 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE');
    });

    it('serves its certificate with the chain of the profile', async () => {
      const socket = connectTls(bed.callerOptions(good));
      await once(socket, 'secureConnect');
      assert.equal(socket.getPeerCertificate(true).issuerCertificate.subject.CN, 'Intermediate CA');
      socket.destroy();
      await once(socket, 'close');
    });

    it('carries a megabyte to a slow reader without holding it all', async () => {
      const halfOpen: ConnectionOptions & { allowHalfOpen: boolean } = {
        ...bed.callerOptions(good),
        allowHalfOpen: true,
      };
      const socket = connectTls(halfOpen);
      await once(socket, 'secureConnect');
      const sent = Buffer.alloc(4_000_000, 'a');
      socket.end(sent);
      let length = 0;
      for await (const chunk of socket) length += (chunk as Buffer).length;
      assert.equal(length, sent.length);
    });

    it('resets everybody when a data group is missing, and logs the TCL error', async () => {
      await bed.apply({ withoutDataGroups: true });
      try {
        const { error, data } = await bed.call(good);
        assert.deepEqual({ error, data }, { error: 'ECONNRESET', data: '' });
        assert.deepEqual(bed.said(), [
          '01220001:3: TCL error: /mesh/spiffe_allowlist <CLIENTSSL_CLIENTCERT> - Could not find data group "/mesh/echo_settings"' +
            '     while executing "class match -value -- "trust-domain/$trust_domain" equals "${name}_settings""',
        ]);
        assert.match(bed.log[0] ?? '', / bigip1 err tmm\[\d+\]: 01220001:3: /);
      } finally {
        await bed.apply();
      }
    });

    it('resets when the pool has no member, and when the member refuses', async () => {
      await bed.apply({ virtualServer: { pool: { fullPath: '/mesh/echo_pool', members: [] } } });
      assert.equal((await bed.call(good)).error, 'ECONNRESET');
      const free = createServer().listen(0, '127.0.0.1');
      await once(free, 'listening');
      const { port } = free.address() as AddressInfo;
      free.close();
      await once(free, 'close');
      await bed.apply({
        virtualServer: { pool: { fullPath: '/mesh/echo_pool', members: [{ address: '127.0.0.1', port }] } },
      });
      assert.equal((await bed.call(good)).error, 'ECONNRESET');
      await bed.apply();
    });

    it('keeps counters of connections and of events', async () => {
      const before = bed.dataPlane.statistics.snapshot();
      await bed.call(good);
      await bed.call(bad);
      const { virtualServers, ruleEvents } = bed.dataPlane.statistics.snapshot();
      const count = (name: 'totalConnections' | 'refusedConnections'): number =>
        (virtualServers[virtualServer]?.[name] ?? 0) - (before.virtualServers[virtualServer]?.[name] ?? 0);
      assert.equal(count('totalConnections'), 2);
      assert.equal(count('refusedConnections'), 1);
      const event = '/mesh/spiffe_allowlist:LB_SELECTED';
      assert.equal(
        (ruleEvents[event]?.totalExecutions ?? 0) - (before.ruleEvents[event]?.totalExecutions ?? 0),
        1,
      );
      assert.ok(
        Number((await bed.dataPlane.istats()).get(`ltm.virtual ${virtualServer} counter spiffe_allowed`)) > 0,
      );
    });

    it('leaves no connection behind, wherever in it a client is cut off', async () => {
      for (let bytes = 0; bytes < 2400; bytes += 120) {
        const relay = createServer((client) => {
          const device = connectTcp(bed.port, '127.0.0.1');
          let passed = 0;
          const cut = (): void => {
            client.destroy();
            device.destroy();
          };
          for (const side of [client, device]) side.on('error', cut).on('close', cut);
          device.on('data', (chunk: Buffer) => client.write(chunk));
          client.on('data', (chunk: Buffer) => {
            device.write(chunk.subarray(0, bytes - passed));
            passed += chunk.length;
            if (passed >= bytes) cut();
          });
        }).listen(0, '127.0.0.1');
        await once(relay, 'listening');
        await bed.call(good, { port: (relay.address() as AddressInfo).port });
        relay.close();
        await once(relay, 'close');
      }
      const open = (): number | undefined =>
        bed.dataPlane.statistics.snapshot().virtualServers[virtualServer]?.currentConnections;
      await until(() => open() === 0 && bed.memberConnections === 0);
    });

    it('writes lines as the device does', async () => {
      await bed.call(good);
      assert.match(
        bed.log[0] ?? '',
        /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d bigip1 info tmm\[\d+\]: Rule \/mesh\/spiffe_allowlist <CLIENTSSL_HANDSHAKE>: allowing: spiffe:/,
      );
    });

    it('serves openssl s_client as it serves everybody', async function () {
      if (!hasOpenssl) skipBecause(this, 'the openssl command is not installed');
      const folder = await mkdtemp(join(tmpdir(), 'data-plane-'));
      try {
        const caller = (name: string, svid?: Svid): Promise<OpensslCaller> =>
          OpensslCaller.create({
            folder,
            name,
            port: bed.port,
            trustBundlePem: bed.ca.rootPem,
            ...(svid === undefined ? {} : { svid }),
          });
        assert.equal((await (await caller('good', good)).say('hi')).heard, 'HI\n');
        const refused = await (await caller('bad', bad)).say('hi');
        assert.equal(refused.heard, '');
        assert.match(refused.complaint, /errno=104|Connection reset/);
        const anonymous = await (await caller('anonymous')).say('hi');
        assert.equal(anonymous.heard, '');
        assert.match(anonymous.complaint, /handshake failure/);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });

  describe('with other profiles', () => {
    it('lets the rule decide about callers without certificates under request', async () => {
      await bed.apply({ clientSsl: { peerCertMode: 'request' } });
      assert.equal((await bed.call(good)).data, 'HI');
      bed.log.length = 0;
      assert.equal((await bed.call(undefined)).error, 'ECONNRESET');
      const { MeshCa } = await import('../../../../src/demo/mesh-ca.js');
      const stranger = await MeshCa.create({ now: new Date(), cluster: 'elsewhere' });
      assert.equal((await bed.call(await stranger.mint(trustedSleep))).error, 'ECONNRESET');
      assert.deepEqual(bed.said(), [
        rejecting('CLIENTSSL_CLIENTCERT', '- (no-certificate)'),
        rejecting('CLIENTSSL_CLIENTCERT', '- (not-verified)'),
      ]);
    });

    it('refuses everybody under ignore, for nobody shows a certificate', async () => {
      await bed.apply({ clientSsl: { peerCertMode: 'ignore' } });
      assert.equal((await bed.call(good)).error, 'ECONNRESET');
      assert.deepEqual(bed.said(), [rejecting('CLIENTSSL_HANDSHAKE', '- (no-certificate)')]);
    });

    it('refuses plain text that the profile lets pass: the last gate of the rule', async () => {
      await bed.apply({ clientSsl: { allowNonSsl: true } });
      const socket = connectTcp(bed.port, '127.0.0.1');
      socket.write('hi');
      const [failure] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      assert.equal(failure.code, 'ECONNRESET');
      assert.deepEqual(bed.received, []);
    });

    it('resets plain text without any rule when the profile does not let it pass', async () => {
      await bed.apply({ rules: [] });
      const socket = connectTcp(bed.port, '127.0.0.1');
      socket.write('hi');
      const [failure] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      assert.equal(failure.code, 'ECONNRESET');
      assert.deepEqual(bed.received, []);
    });

    it('serves plain TCP without a client SSL profile', async () => {
      await bed.apply({ clientSsl: 'none', rules: [] });
      const socket = connectTcp({ port: bed.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.end('plain');
      let heard = '';
      for await (const chunk of socket) heard += String(chunk);
      assert.equal(heard, 'PLAIN');
    });

    it('refuses a chain that is deeper than the profile allows', async () => {
      await bed.apply({ clientSsl: { authenticateDepth: 0 } });
      assert.equal((await bed.call(good)).error, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
    });
  });
});
