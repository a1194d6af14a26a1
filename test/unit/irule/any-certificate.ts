import * as fc from 'fast-check';
import { certificateDer, clientAuth, der, extension, oid, serverAuth, uri } from '../../support/der.js';
import { trustedSleep } from '../../support/svid-vectors.js';

/** Mostly what belongs there, sometimes something else: a fault or two a certificate. */
function mostly<T>(usual: T, ...others: ReadonlyArray<fc.Arbitrary<T>>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, ...others);
}

const bytes = fc.uint8Array({ maxLength: 12 }).map((content) => Buffer.from(content));
const tag = fc.constantFrom(
  0x01,
  0x02,
  0x03,
  0x04,
  0x05,
  0x06,
  0x1f,
  0x30,
  0x31,
  0x80,
  0x82,
  0x86,
  0xa0,
  0xa3,
  0xbf,
);
/** Elements that are sound in themselves, with lengths that lie now and then. */
const element: fc.Arbitrary<Buffer> = fc.oneof(
  fc.tuple(tag, bytes).map(([identifier, content]) => der(identifier, content)),
  fc
    .tuple(tag, fc.constantFrom('00', '7f', '80', '8100', '820001', '84ffffffff', 'ff'), bytes)
    .map(([identifier, length, content]) =>
      Buffer.concat([Buffer.of(identifier), Buffer.from(length, 'hex'), content]),
    ),
);

const id = mostly(
  trustedSleep,
  fc.constantFrom(
    'spiffe://cluster.local',
    `${trustedSleep}/`,
    `${trustedSleep}\0`,
    'spiffe://x/../y',
    '',
    'https://x/',
    ` ${trustedSleep}`,
  ),
  fc.string({ maxLength: 20 }).map((text) => `${trustedSleep}${text}`),
);
const name = fc.oneof(
  { weight: 3, arbitrary: id.map(uri) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(0x81, 0x82, 0x87, 0x88, 0xa0, 0xa3, 0xa4, 0xa5, 0x89, 0x80)
      .map((kind) => der(kind, Buffer.from('x'))),
  },
  { weight: 1, arbitrary: element },
);
const names = mostly([uri(trustedSleep)], fc.array(name, { maxLength: 3 }));
const criticality = fc.constantFrom(
  true,
  false,
  Buffer.from('010100', 'hex'),
  Buffer.from('0101ff', 'hex'),
  Buffer.from('010101', 'hex'),
  Buffer.from('0100', 'hex'),
);

const subjectAltName = fc
  .tuple(mostly<boolean | Buffer>(true, criticality), names, mostly(Buffer.alloc(0), element))
  .map(([isCritical, list, behind]) =>
    extension(oid.san, isCritical, Buffer.concat([der(0x30, ...list), behind])),
  );
const usage = fc
  .tuple(
    mostly<boolean | Buffer>(true, criticality),
    mostly(
      Buffer.of(5, 0xa0),
      bytes,
      fc.nat(255).map((bits) => Buffer.of(0, bits)),
    ),
  )
  .map(([isCritical, bits]) => extension(oid.keyUsage, isCritical, der(0x03, bits)));
const constraints = fc
  .tuple(
    criticality,
    mostly(
      Buffer.alloc(0),
      fc
        .constantFrom('010100', '0101ff', '010101', '0101ff020100', '020100', '0500')
        .map((hex) => Buffer.from(hex, 'hex')),
      element,
    ),
  )
  .map(([isCritical, content]) => extension(oid.basicConstraints, isCritical, der(0x30, content)));
const extendedUsage = fc
  .tuple(
    criticality,
    fc.array(mostly(serverAuth, fc.constantFrom(clientAuth, '2b06010505070303', '551d2500')), {
      maxLength: 3,
    }),
  )
  .map(([isCritical, usages]) =>
    extension(
      oid.extendedKeyUsage,
      isCritical,
      der(0x30, ...usages.map((hex) => der(6, Buffer.from(hex, 'hex')))),
    ),
  );
const foreign = fc
  .tuple(criticality, fc.constantFrom('0603551d20', '0603551d0e', '0604551d1100', '0602551d'), bytes)
  .map(([isCritical, identifier, content]) => extension(Buffer.from(identifier, 'hex'), isCritical, content));

const extensions = fc.tuple(subjectAltName, usage).chain(([alternativeName, keyUses]) =>
  fc
    .array(fc.oneof(constraints, extendedUsage, foreign, subjectAltName, usage, element), { maxLength: 2 })
    .chain((others) =>
      fc.shuffledSubarray([alternativeName, keyUses, ...others], {
        minLength: Math.max(1, others.length + 1),
      }),
    ),
);

/** Certificates as no CA would make them, and some as every CA does. */
export const anyCertificate: fc.Arbitrary<Buffer> = fc
  .record({
    version: mostly(der(0xa0, der(0x02, Buffer.of(2))), fc.constant(Buffer.alloc(0)), element),
    subject: mostly(der(0x30), fc.constant(der(0x30, der(0x31))), element),
    afterKey: mostly(
      Buffer.alloc(0),
      element,
      fc.constantFrom(der(0x81), der(0x82), Buffer.concat([der(0x81), der(0x82)])),
    ),
    trailer: mostly(Buffer.alloc(0), element),
    extensions,
  })
  .map((parts) => certificateDer(parts));
