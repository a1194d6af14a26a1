import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { maxCertificateBytes } from '../../../src/spiffe/certificate-walk.js';
import { readSvidClaims } from '../../../src/spiffe/svid-claims.js';
import type { SvidRefusal } from '../../../src/spiffe/svid-refusal.js';
import {
  basicConstraints,
  certificateDer,
  clientAuth,
  der,
  extendedKeyUsage,
  extension,
  keyUsage,
  oid,
  san,
  serverAuth,
  uri,
} from '../../support/der.js';
import type { CertificateParts } from '../../support/der.js';
import { loadSvidVectors, trustedSleep, vectorDer } from '../../support/svid-vectors.js';
import type { SvidVector } from '../../support/svid-vectors.js';

const goodSan = san(true, uri(trustedSleep));
const goodUsage = keyUsage(true, 0xa0);
const caTrue = Buffer.from('0101ff', 'hex');
const explicitFalse = Buffer.from('010100', 'hex');
const pathLength = Buffer.from('020100', 'hex');
const good: CertificateParts = { extensions: [goodUsage, goodSan] };

function filler(length: number): Buffer {
  return der(0x82, Buffer.alloc(length, 0x61));
}

function fillers(count: number): Buffer[] {
  return Array.from({ length: count }, () => filler(1));
}

function wrapped(...extensions: readonly Buffer[]): Buffer {
  return der(0xa3, der(0x30, ...extensions));
}

/** Extensions that mean nothing, each with an OID of its own. */
function others(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) =>
    extension(der(0x06, Buffer.of(0x55, 0x04, index)), false, der(0x05)),
  );
}

function withFiller(length: number): Buffer {
  return certificateDer({ extensions: [goodUsage, san(true, filler(length), uri(trustedSleep))] });
}

function reasonOf(certificate: Buffer): SvidRefusal | 'accepted' {
  const claims = readSvidClaims(certificate);
  return claims.ok ? 'accepted' : claims.reason;
}

/** What the vectors' own counts, made by another parser, leave as a reason. */
function possibleReasons(vector: SvidVector): readonly SvidRefusal[] {
  if (vector.sanExtensionCount === 0) return ['no-san'];
  if (vector.sanExtensionCount > 1) return ['duplicate-san'];
  if (vector.derError === 'empty GeneralNames') return ['no-uri'];
  if (vector.derError !== null || vector.name === 'd06_critical_true_0x01') return ['malformed'];
  if (vector.uriSanCount === 0) return ['no-uri'];
  if (vector.uriSanCount > 1) return ['many-uris'];
  if (vector.expectedSpiffeIds.length === 0 || vector.category === 'syntax') return ['bad-spiffe-id'];
  return [
    'ca-certificate',
    'key-usage',
    'extended-key-usage',
    'san-not-critical',
    'unknown-critical-extension',
  ];
}

describe('readSvidClaims', () => {
  describe('with the published vectors', () => {
    const vectors = loadSvidVectors();

    it('has them all', () => assert.equal(vectors.length, 138));

    for (const vector of vectors) {
      it(`${vector.validSvid ? 'reads' : 'refuses'} ${vector.name}`, () => {
        const claims = readSvidClaims(vectorDer(vector));
        assert.equal(claims.ok, vector.validSvid, claims.ok ? claims.spiffeId.text : claims.reason);
        if (claims.ok) assert.deepEqual([claims.spiffeId.text], vector.expectedSpiffeIds);
        if (claims.ok) assert.ok(!vector.mustNotAuthorize.includes(claims.spiffeId.text));
        if (!claims.ok) assert.ok(possibleReasons(vector).includes(claims.reason), claims.reason);
      });
    }
  });

  const cases: readonly (readonly [string, SvidRefusal | 'accepted', CertificateParts | Buffer])[] = [
    ['nothing', 'no-certificate', Buffer.alloc(0)],
    ['text in place of DER', 'malformed', Buffer.from('-----BEGIN CERTIFICATE-----')],
    ['an indefinite length', 'malformed', Buffer.from('3080300000', 'hex')],
    ['a length of four bytes', 'malformed', Buffer.from('308400000000', 'hex')],
    ['a leaf as Istio makes it', 'accepted', { extensions: [goodUsage, goodSan] }],
    ['a byte after the certificate', 'malformed', Buffer.concat([certificateDer(good), Buffer.of(0)])],
    ['an element after the certificate', 'malformed', Buffer.concat([certificateDer(good), der(0x30)])],
    ['a fourth element of the certificate', 'malformed', { ...good, trailer: der(0x30) }],
    ['no version, which the TLS stack judges', 'accepted', { ...good, version: Buffer.alloc(0) }],
    [
      'version 2, which the TLS stack judges',
      'accepted',
      { ...good, version: der(0xa0, der(0x02, Buffer.of(1))) },
    ],
    ['no extensions', 'no-san', { extensionsBlock: Buffer.alloc(0) }],
    ['unique identifiers', 'accepted', { ...good, afterKey: Buffer.concat([der(0x81), der(0x82)]) }],
    [
      'unique identifiers the wrong way round',
      'malformed',
      { ...good, afterKey: Buffer.concat([der(0x82), der(0x81)]) },
    ],
    ['an element of another kind before the extensions', 'malformed', { ...good, afterKey: der(0x04) }],
    [
      'two extensions blocks',
      'malformed',
      { extensionsBlock: Buffer.concat([wrapped(goodUsage), wrapped(goodSan)]) },
    ],
    [
      'two lists in the extensions block',
      'malformed',
      { extensionsBlock: der(0xa3, der(0x30, goodUsage), der(0x30, goodSan)) },
    ],
    [
      'something else than an extension in the list',
      'malformed',
      { extensions: [goodUsage, goodSan, der(0x31)] },
    ],
    [
      'an extension of three members without a critical flag',
      'malformed',
      { extensions: [goodUsage, der(0x30, oid.san, der(0x05), der(0x04, der(0x30, uri(trustedSleep))))] },
    ],
    [
      'an extension of four members',
      'malformed',
      {
        extensions: [
          goodUsage,
          der(0x30, oid.san, caTrue, der(0x04, der(0x30, uri(trustedSleep))), der(0x05)),
        ],
      },
    ],
    ['an extension without a value', 'malformed', { extensions: [goodUsage, der(0x30, oid.san)] }],
    [
      'a critical flag that says FALSE',
      'san-not-critical',
      { extensions: [goodUsage, extension(oid.san, explicitFalse, der(0x30, uri(trustedSleep)))] },
    ],
    [
      'a critical flag of 01',
      'malformed',
      {
        extensions: [
          goodUsage,
          extension(oid.san, Buffer.from('010101', 'hex'), der(0x30, uri(trustedSleep))),
        ],
      },
    ],
    [
      'an unknown extension twice',
      'accepted',
      { extensions: [...others(1), ...others(1), goodUsage, goodSan] },
    ],
    [
      'two SAN extensions with one URI in all',
      'duplicate-san',
      { extensions: [goodUsage, goodSan, san(true, filler(3))] },
    ],
    [
      'an OID that only begins like the SAN',
      'no-san',
      {
        extensions: [
          goodUsage,
          extension(der(0x06, Buffer.from('551d1101', 'hex')), false, der(0x30, uri(trustedSleep))),
        ],
      },
    ],
    ['an empty list of names', 'no-uri', { extensions: [goodUsage, san(true)] }],
    [
      'the ID of a trust domain',
      'bad-spiffe-id',
      { extensions: [goodUsage, san(true, uri('spiffe://cluster.local'))] },
    ],
    [
      'an ID of more than 2048 bytes',
      'bad-spiffe-id',
      { extensions: [san(true, uri(`spiffe://td/${'a'.repeat(2037)}`))] },
    ],
    [
      'the same URI twice',
      'many-uris',
      { extensions: [goodUsage, san(true, uri(trustedSleep), uri(trustedSleep))] },
    ],
    ['a constructed URI', 'malformed', { extensions: [goodUsage, san(true, der(0xa6, uri(trustedSleep)))] }],
    ['400 elements', 'accepted', { extensions: [goodUsage, san(true, ...fillers(376), uri(trustedSleep))] }],
    ['401 elements', 'too-large', { extensions: [goodUsage, san(true, ...fillers(377), uri(trustedSleep))] }],
    ['CA:TRUE', 'ca-certificate', { extensions: [goodUsage, basicConstraints(caTrue), goodSan] }],
    [
      'CA:TRUE with a path length',
      'ca-certificate',
      { extensions: [goodUsage, basicConstraints(caTrue, pathLength), goodSan] },
    ],
    [
      'a CA flag that is neither TRUE nor FALSE',
      'malformed',
      { extensions: [goodUsage, basicConstraints(Buffer.from('010101', 'hex')), goodSan] },
    ],
    ['CA:FALSE in words', 'accepted', { extensions: [goodUsage, basicConstraints(explicitFalse), goodSan] }],
    [
      'a path length without a CA flag',
      'accepted',
      { extensions: [goodUsage, basicConstraints(pathLength), goodSan] },
    ],
    [
      'basic constraints twice',
      'malformed',
      { extensions: [goodUsage, basicConstraints(), basicConstraints(caTrue), goodSan] },
    ],
    ['no key usage', 'key-usage', { extensions: [goodSan] }],
    ['key usage that is not critical', 'key-usage', { extensions: [keyUsage(false, 0xa0), goodSan] }],
    ['key usage twice', 'malformed', { extensions: [goodUsage, keyUsage(true, 0x80), goodSan] }],
    ['key usage without digitalSignature', 'key-usage', { extensions: [keyUsage(true, 0x20), goodSan] }],
    [
      'key usage without bits',
      'key-usage',
      { extensions: [extension(oid.keyUsage, true, der(0x03, Buffer.of(0))), goodSan] },
    ],
    [
      'key usage with eight unused bits',
      'malformed',
      { extensions: [extension(oid.keyUsage, true, der(0x03, Buffer.of(8, 0x80))), goodSan] },
    ],
    ['keyCertSign beside digitalSignature', 'key-usage', { extensions: [keyUsage(true, 0x84), goodSan] }],
    ['cRLSign beside digitalSignature', 'key-usage', { extensions: [keyUsage(true, 0x82), goodSan] }],
    [
      'both extended usages',
      'accepted',
      { extensions: [goodUsage, extendedKeyUsage(serverAuth, clientAuth), goodSan] },
    ],
    [
      'serverAuth alone',
      'extended-key-usage',
      { extensions: [goodUsage, extendedKeyUsage(serverAuth), goodSan] },
    ],
    [
      'an empty list of extended usages',
      'extended-key-usage',
      { extensions: [goodUsage, extendedKeyUsage(), goodSan] },
    ],
    [
      'an empty subject and a SAN that is not critical',
      'san-not-critical',
      { extensions: [goodUsage, san(false, uri(trustedSleep))] },
    ],
    [
      'a subject and a SAN that is not critical',
      'accepted',
      { subject: der(0x30, der(0x31)), extensions: [goodUsage, san(false, uri(trustedSleep))] },
    ],
    [
      'critical name constraints',
      'unknown-critical-extension',
      { extensions: [goodUsage, goodSan, extension(oid.nameConstraints, true, der(0x30))] },
    ],
    [
      'name constraints that are not critical',
      'accepted',
      { extensions: [goodUsage, goodSan, extension(oid.nameConstraints, false, der(0x30))] },
    ],
    [
      'critical certificate policies',
      'unknown-critical-extension',
      { extensions: [goodUsage, goodSan, extension(oid.certificatePolicies, true, der(0x30))] },
    ],
    [
      'bytes behind the names inside of the octet string',
      'malformed',
      {
        extensions: [
          goodUsage,
          extension(oid.san, true, Buffer.concat([der(0x30, uri(trustedSleep)), Buffer.of(5, 0)])),
        ],
      },
    ],
    [
      'several faults, the first of the list',
      'no-uri',
      { extensions: [basicConstraints(caTrue), san(false, filler(3))] },
    ],
    [
      'several faults, one of them in the encoding',
      'malformed',
      { extensions: [basicConstraints(caTrue), san(false, der(0x16))] },
    ],
  ];
  for (const [what, expected, certificate] of cases) {
    it(`${expected === 'accepted' ? 'accepts' : `says ${expected} to`} ${what}`, () => {
      assert.equal(
        reasonOf(Buffer.isBuffer(certificate) ? certificate : certificateDer(certificate)),
        expected,
      );
    });
  }

  it('accepts a certificate of 16 KiB and refuses one byte more', () => {
    const slack = maxCertificateBytes - withFiller(15_000).length;
    assert.equal(withFiller(15_000 + slack).length, maxCertificateBytes);
    assert.equal(reasonOf(withFiller(15_000 + slack)), 'accepted');
    assert.equal(reasonOf(withFiller(15_000 + slack + 1)), 'too-large');
  });

  it('lets our own certificate go without KeyUsage, but not with a wrong one', () => {
    const options = { keyUsageMayBeAbsent: true };
    assert.ok(readSvidClaims(certificateDer({ extensions: [goodSan] }), options).ok);
    assert.ok(!readSvidClaims(certificateDer({ extensions: [keyUsage(true, 0x06), goodSan] }), options).ok);
    assert.ok(!readSvidClaims(certificateDer({ extensions: [keyUsage(false, 0xa0), goodSan] }), options).ok);
  });

  it('never throws and never gives the trusted ID when one byte of the untrusted certificate changes', () => {
    const untrusted = certificateDer({
      extensions: [goodUsage, san(true, filler(20), uri('spiffe://cluster.local/ns/untrusted/sa/sleep'))],
    });
    fc.assert(
      fc.property(fc.nat(untrusted.length - 1), fc.nat(255), (offset, octet) => {
        const changed = Buffer.from(untrusted);
        changed[offset] = octet;
        const claims = readSvidClaims(changed);
        assert.ok(!claims.ok || claims.spiffeId.text !== trustedSleep);
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses every certificate that is cut short', () => {
    const whole = certificateDer({ extensions: [goodUsage, goodSan] });
    for (let length = 1; length < whole.length; length += 1) {
      assert.equal(reasonOf(whole.subarray(0, length)), 'malformed', `${length} bytes`);
    }
  });
});
