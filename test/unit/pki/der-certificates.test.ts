import assert from 'node:assert/strict';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { parseCertificatesDer } from '../../../src/pki/der-certificates.js';

describe('parseCertificatesDer', () => {
  let der: Buffer;
  let pems: readonly string[];
  before(async () => {
    const ca = await MeshCa.create({ now: new Date('2030-01-01T00:00:00Z') });
    const certificates = [ca.intermediateCertificate, ca.rootCertificate];
    pems = certificates.map(String);
    der = Buffer.concat(certificates.map(({ raw }) => raw));
  });

  it('reads certificates that stand one after the other', () => {
    const parsed = parseCertificatesDer(der);
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.value.map(String), pems);
  });

  it('gives none for nothing', () =>
    assert.deepEqual(parseCertificatesDer(Buffer.alloc(0)), { ok: true, value: [] }));

  it('refuses the whole when a part of it is broken, cut or something else', () => {
    const broken = Buffer.from(der);
    broken[10] = 0xff;
    for (const [bytes, place] of [
      [broken, 1],
      [der.subarray(0, -1), 2],
      [Buffer.concat([der, Buffer.of(0)]), 3],
      [Buffer.from('-----BEGIN CERTIFICATE-----'), 1],
      [Buffer.of(0x30, 0x00), 1],
      [Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff), 1],
    ] as const) {
      const parsed = parseCertificatesDer(bytes);
      assert.deepEqual(parsed, { ok: false, reason: `certificate ${place} in it is broken` });
    }
  });
});
