import { strict as assert } from 'node:assert';
import { generateKeyPairSync } from 'node:crypto';
import { connect } from 'node:tls';
import { loadSvidVectors, loadVectorCa, vectorDer } from '../../../support/svid-vectors.js';
import type { SvidVector } from '../../../support/svid-vectors.js';
import { rekeyCertificate } from './rekeyed-certificate.js';
import { TestBed } from './test-bed.js';

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`;

/** The published certificates in real handshakes: chain and time are checked here as well. */
describe('the data plane with the published vectors', () => {
  const [rootKeys, intermediateKeys, callerKeys] = [newKeys(), newKeys(), newKeys()];
  const ca = loadVectorCa();
  const root = rekeyCertificate(ca.root.raw, rootKeys.publicKey, rootKeys.privateKey);
  const intermediate = rekeyCertificate(ca.intermediate.raw, intermediateKeys.publicKey, rootKeys.privateKey);
  let bed: TestBed;
  before(async () => {
    bed = await TestBed.start();
    await bed.apply({ clientSsl: { caPem: pem(root) } });
  });
  after(() => bed.close());

  function rekeyed(vector: SvidVector): Buffer {
    const isSelfSigned = vector.name.startsWith('x01');
    const signer = isSelfSigned ? callerKeys.privateKey : intermediateKeys.privateKey;
    const certificate = rekeyCertificate(vectorDer(vector), callerKeys.publicKey, signer);
    if (vector.name === 'x03_corrupt_signature')
      certificate.writeUInt8(certificate.readUInt8(certificate.length - 1) ^ 1, certificate.length - 1);
    return certificate;
  }

  for (const vector of loadSvidVectors()) {
    if (vector.enforcement !== 'must') continue;
    it(`${vector.decisionIfOnlyTrustedSleepIsAllowed}s ${vector.name}`, async () => {
      const { data, protocol } = await bed.call(undefined, {
        cert: pem(rekeyed(vector)) + pem(intermediate),
        key: callerKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      });
      const isAllowed = vector.decisionIfOnlyTrustedSleepIsAllowed === 'allow';
      assert.equal(data, isAllowed ? 'HI' : '');
      assert.equal(protocol !== undefined, isAllowed, 'the handshake of a refused caller never ends');
    });
  }

  it('proves the callers: the same certificates with another key are refused by their own TLS stack', () => {
    const [vector] = loadSvidVectors();
    assert.ok(vector);
    assert.throws(() =>
      connect({
        port: bed.port,
        cert: pem(rekeyed(vector)),
        key: rootKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      }),
    );
  });
});
