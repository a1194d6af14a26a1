import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import type { MintOptions } from '../../../src/demo/mesh-ca.js';
import { certificateFacts } from '../../../src/pki/certificate-facts.js';
import { readSvidClaims } from '../../../src/spiffe/svid-claims.js';
import type { Svid } from '../../../src/spiffe/svid.js';
import { hasOpenssl, opensslVerify } from '../../support/openssl.js';

const now = new Date();
const caller = 'spiffe://cluster.local/ns/trusted/sa/sleep';

/** What a server that trusts the mesh's root makes of a caller: `accepted`, or the code of the refusal. */
async function handshake(ca: MeshCa, svid: Svid): Promise<string> {
  const own = await ca.mint('spiffe://cluster.local/ns/default/sa/bigip');
  const server = createServer({
    key: own.renderKeyPem().reveal(),
    cert: own.renderLeafPem() + own.renderChainPem(),
    ca: ca.rootPem,
    requestCert: true,
    // Node tells why it would refuse only when it does not.
    rejectUnauthorized: false,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const verdict = new Promise<string>((resolve) => {
    server.once('secureConnection', (socket) => {
      socket.end();
      resolve(socket.authorized ? 'accepted' : String(socket.authorizationError));
    });
    server.once('tlsClientError', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
  });
  const socket = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    key: svid.renderKeyPem().reveal(),
    cert: svid.renderLeafPem() + svid.renderChainPem(),
    ca: ca.rootPem,
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => socket.destroy());
  socket.resume();
  try {
    return await verdict;
  } finally {
    socket.destroy();
    server.close();
  }
}

describe('MeshCa', () => {
  let ca: MeshCa;
  before(async () => {
    ca = await MeshCa.create({ now });
  });

  it('mints callers that a TLS server with the mesh root accepts', async () => {
    assert.equal(await handshake(ca, await ca.mint(caller)), 'accepted');
  });

  const refusals: readonly (readonly [string, MintOptions, RegExp])[] = [
    ['an expired one', { notBefore: new Date(0), notAfter: new Date(1_000_000) }, /CERT_HAS_EXPIRED/],
    ['one that is not valid yet', { notBefore: new Date(now.getTime() + 3_600_000) }, /CERT_NOT_YET_VALID/],
    ['one that signed itself', { signer: 'itself' }, /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET/],
  ];
  for (const [what, options, code] of refusals) {
    it(`mints ${what}, which such a server refuses`, async () => {
      assert.match(await handshake(ca, await ca.mint(caller, options)), code);
    });
  }

  it('mints a stranger by being another CA', async () => {
    const other = await MeshCa.create({ now });
    assert.notEqual(await handshake(ca, await other.mint(caller)), 'accepted');
  });

  const departures: readonly (readonly [MintOptions, string])[] = [
    [{ uris: [caller, 'spiffe://cluster.local/ns/a/sa/b'] }, 'many-uris'],
    [{ uris: [], dnsNames: [`x, URI:${caller}`] }, 'no-uri'],
    [{ uris: ['SPIFFE://cluster.local/ns/trusted/sa/sleep'] }, 'bad-spiffe-id'],
    [{ isCa: true }, 'ca-certificate'],
    [{ keyUsages: ['digitalSignature', 'keyCertSign'] }, 'key-usage'],
    [{ keyUsages: 'absent' }, 'key-usage'],
    [{ extendedKeyUsages: ['serverAuth'] }, 'extended-key-usage'],
    [{ isSanCritical: false }, 'san-not-critical'],
  ];
  for (const [options, reason] of departures) {
    it(`mints ${JSON.stringify(options)}, which the leaf rules refuse as ${reason}`, async () => {
      const claims = readSvidClaims((await ca.mint(caller, options)).leaf.raw);
      assert.deepEqual(claims, { ok: false, reason });
    });
  }

  it('leaves extended usages out and adds names on demand', async () => {
    const { leaf } = await ca.mint(caller, {
      extendedKeyUsages: 'absent',
      dnsNames: ['sleep.trusted.svc'],
      keyType: 'ec-p384',
    });
    const facts = certificateFacts(leaf);
    assert.equal(facts.extendedKeyUsages, undefined);
    assert.deepEqual(
      facts.subjectAltNames.map(({ type }) => type),
      ['dns', 'uri'],
    );
    assert.ok(readSvidClaims(leaf.raw).ok);
  });

  it("has the shape of Istio's plugged-in CA", () => {
    const facts = certificateFacts(ca.intermediateCertificate);
    assert.deepEqual(facts.basicConstraints, { ca: true, pathLength: 0 });
    assert.deepEqual(Object.keys(ca.cacertsData().reveal()), [
      'ca-cert.pem',
      'ca-key.pem',
      'cert-chain.pem',
      'root-cert.pem',
    ]);
    assert.ok(ca.intermediateCertificate.checkIssued(ca.rootCertificate));
  });

  it('keeps its root when it gets a new intermediate', async () => {
    const renewed = await ca.withNewIntermediate(now);
    assert.deepEqual(renewed.rootCertificate.raw, ca.rootCertificate.raw);
    const svid = await renewed.mint(caller);
    assert.equal(await handshake(ca, svid), 'accepted');
    if (hasOpenssl) {
      const roots = [ca.rootCertificate];
      assert.equal(opensslVerify({ leaf: svid.leaf, chain: svid.chain, roots, at: now }), 'OK');
    }
  });
});
