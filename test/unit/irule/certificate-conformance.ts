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
import { trustedSleep } from '../../support/svid-vectors.js';
import { certificateOf, goodSan, goodUsage, judges, withExtensions } from './conformance-case.js';

const filler = (length: number): Buffer => der(0x82, Buffer.alloc(length, 0x61));
const padded = (length: number): Buffer =>
  withExtensions(goodUsage, san(true, filler(length), uri(trustedSleep)));
const crowded = (names: number): Buffer =>
  withExtensions(goodUsage, san(true, ...Array.from({ length: names }, () => filler(1)), uri(trustedSleep)));
/** An element whose length is written as given, right or wrong. */
const element = (tag: string, length: string, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from(tag + length, 'hex'), content]);
const namedBy = (...names: readonly Buffer[]): Buffer => withExtensions(goodUsage, san(true, ...names));
const sizeFrame = padded(16_000).length - 16_000;

/** What the rule makes of one certificate, byte by byte. */
export const certificateCases = [
  judges('takes a plain SVID', certificateOf(trustedSleep), 'passes'),
  judges('takes a certificate of 16384 bytes', padded(16_384 - sizeFrame), 'passes'),
  judges('refuses one of 16385 bytes', padded(16_385 - sizeFrame), 'too-large'),
  judges('reads 400 elements', crowded(376), 'passes'),
  judges('reads no 401st', crowded(377), 'too-large'),
  judges('refuses no bytes at all', Buffer.alloc(0), 'malformed'),
  judges(
    'refuses what follows the certificate',
    Buffer.concat([certificateOf(trustedSleep), Buffer.of(0)]),
    'malformed',
  ),
  judges(
    'refuses what follows the signature',
    certificateDer({ extensions: [goodUsage, goodSan], trailer: der(5) }),
    'malformed',
  ),
  judges(
    'refuses a field of the wrong kind',
    certificateDer({ extensions: [goodUsage, goodSan], subject: der(0x31) }),
    'malformed',
  ),
  judges(
    'refuses fields out of order',
    certificateDer({ extensions: [goodUsage, goodSan], afterKey: Buffer.concat([der(0x82), der(0x81)]) }),
    'malformed',
  ),
  judges(
    'takes both unique IDs',
    certificateDer({ extensions: [goodUsage, goodSan], afterKey: Buffer.concat([der(0x81), der(0x82)]) }),
    'passes',
  ),
  judges(
    'takes a certificate without a version',
    certificateDer({ version: Buffer.alloc(0), extensions: [goodUsage, goodSan] }),
    'passes',
  ),
  judges(
    'refuses two lists of extensions',
    certificateDer({ extensionsBlock: der(0xa3, der(0x30, goodUsage, goodSan), der(0x30)) }),
    'malformed',
  ),
  judges(
    'refuses an extension that is no sequence',
    withExtensions(goodUsage, goodSan, der(0x31)),
    'malformed',
  ),
  judges(
    'refuses an extension with a fourth member',
    withExtensions(
      goodUsage,
      der(0x30, oid.san, Buffer.from('0101ff', 'hex'), der(0x04, der(0x30, uri(trustedSleep))), der(5)),
    ),
    'malformed',
  ),
  judges(
    'refuses a criticality that is no BOOLEAN of DER',
    withExtensions(goodUsage, extension(oid.san, Buffer.from('010101', 'hex'), der(0x30, uri(trustedSleep)))),
    'malformed',
  ),
  judges(
    'takes a criticality that is spelled out as false',
    withExtensions(
      goodUsage,
      goodSan,
      extension(
        oid.extendedKeyUsage,
        Buffer.from('010100', 'hex'),
        der(0x30, der(6, Buffer.from(serverAuth, 'hex')), der(6, Buffer.from(clientAuth, 'hex'))),
      ),
    ),
    'passes',
  ),
  judges(
    'does not read a longer OID as that of the SAN',
    withExtensions(
      goodUsage,
      extension(Buffer.from('0604551d1100', 'hex'), false, der(0x30, uri(trustedSleep))),
    ),
    'no-san',
  ),
  judges('refuses two SANs', withExtensions(goodUsage, goodSan, goodSan), 'duplicate-san'),
  judges('refuses a SAN without a URI', withExtensions(goodUsage, san(true, filler(3))), 'no-uri'),
  judges(
    'refuses two URIs, the same twice as well',
    withExtensions(goodUsage, san(true, uri(trustedSleep), uri(trustedSleep))),
    'many-uris',
  ),
  judges(
    'refuses an unknown kind of name',
    withExtensions(goodUsage, san(true, der(0x89), uri(trustedSleep))),
    'malformed',
  ),
  judges(
    'refuses what follows the names',
    withExtensions(
      goodUsage,
      extension(oid.san, true, Buffer.concat([der(0x30, uri(trustedSleep)), der(5)])),
    ),
    'malformed',
  ),
  judges(
    'refuses a list of names that is none',
    withExtensions(goodUsage, extension(oid.san, true, der(0x31, uri(trustedSleep)))),
    'malformed',
  ),
  judges(
    'takes an ID of 2048 bytes for one',
    certificateOf(`spiffe://cluster.local/${'a'.repeat(2025)}`),
    'not-listed',
  ),
  judges('takes none of 2049', certificateOf(`spiffe://cluster.local/${'a'.repeat(2026)}`), 'bad-spiffe-id'),
  ...[
    ' x',
    'x ',
    'x\n',
    'x\0',
    'x/',
    'x//y',
    'x/./y',
    'x/..',
    './x',
    'x?',
    'x#',
    'x%2f',
    'x:1',
    'é',
    'x*',
    '*',
  ].map((end) =>
    judges(
      `takes no path ${JSON.stringify(end)}`,
      certificateOf(`spiffe://cluster.local/${end}`),
      'bad-spiffe-id',
    ),
  ),
  ...[
    'Spiffe://cluster.local/a',
    'spiffe:/cluster.local/a',
    'spiffe:///a',
    'spiffe://cluster.local',
    'spiffe://Cluster.local/a',
    'xspiffe://cluster.local/a',
    `spiffe://${'a'.repeat(256)}/a`,
    'spiffe://a@cluster.local/a',
  ].map((id) => judges(`takes no ID ${id.slice(0, 40)}`, certificateOf(id), 'bad-spiffe-id')),
  judges(
    'takes dots inside of a segment',
    certificateOf('spiffe://cluster.local/a..b/.c./...'),
    'not-listed',
  ),
  judges(
    'refuses a CA',
    withExtensions(goodUsage, goodSan, basicConstraints(Buffer.from('0101ff', 'hex'))),
    'ca-certificate',
  ),
  judges(
    'takes cA that is spelled out as false',
    withExtensions(goodUsage, goodSan, basicConstraints(Buffer.from('010100', 'hex'))),
    'passes',
  ),
  judges(
    'refuses a cA that is no BOOLEAN of DER',
    withExtensions(goodUsage, goodSan, basicConstraints(Buffer.from('010101', 'hex'))),
    'malformed',
  ),
  judges(
    'refuses constraints with a stranger',
    withExtensions(goodUsage, goodSan, basicConstraints(der(5))),
    'malformed',
  ),
  judges(
    'refuses basicConstraints twice',
    withExtensions(goodUsage, goodSan, basicConstraints(), basicConstraints()),
    'malformed',
  ),
  judges('wants keyUsage', withExtensions(goodSan), 'key-usage'),
  judges('wants it critical', withExtensions(keyUsage(false, 0xa0), goodSan), 'key-usage'),
  judges('wants digitalSignature', withExtensions(keyUsage(true, 0x20), goodSan), 'key-usage'),
  judges('refuses keyCertSign', withExtensions(keyUsage(true, 0x84), goodSan), 'key-usage'),
  judges('refuses cRLSign', withExtensions(keyUsage(true, 0x82), goodSan), 'key-usage'),
  judges(
    'refuses a keyUsage without bits',
    withExtensions(extension(oid.keyUsage, true, der(3, Buffer.of(0))), goodSan),
    'key-usage',
  ),
  judges(
    'refuses an empty bit string',
    withExtensions(extension(oid.keyUsage, true, der(3)), goodSan),
    'malformed',
  ),
  judges(
    'refuses eight unused bits of a keyUsage that is not critical',
    withExtensions(extension(oid.keyUsage, false, der(3, Buffer.of(8, 0x80))), goodSan),
    'malformed',
  ),
  judges(
    'refuses eight unused bits',
    withExtensions(extension(oid.keyUsage, true, der(3, Buffer.of(8, 0x80))), goodSan),
    'malformed',
  ),
  judges(
    'refuses a negative number of unused bits',
    withExtensions(extension(oid.keyUsage, true, der(3, Buffer.of(0x80, 0x80))), goodSan),
    'malformed',
  ),
  judges(
    'takes both extended usages',
    withExtensions(goodUsage, goodSan, extendedKeyUsage(serverAuth, clientAuth)),
    'passes',
  ),
  judges(
    'wants clientAuth among extended usages',
    withExtensions(goodUsage, goodSan, extendedKeyUsage(serverAuth)),
    'extended-key-usage',
  ),
  judges(
    'wants serverAuth among extended usages',
    withExtensions(goodUsage, goodSan, extendedKeyUsage(clientAuth)),
    'extended-key-usage',
  ),
  judges(
    'refuses an extended usage that is no OID',
    withExtensions(goodUsage, goodSan, extension(oid.extendedKeyUsage, false, der(0x30, der(5)))),
    'malformed',
  ),
  judges(
    'wants the SAN critical when there is no subject',
    withExtensions(goodUsage, san(false, uri(trustedSleep))),
    'san-not-critical',
  ),
  judges(
    'takes it either way when there is one',
    certificateDer({ subject: der(0x30, der(0x31)), extensions: [goodUsage, san(false, uri(trustedSleep))] }),
    'passes',
  ),
  judges(
    'refuses a critical extension that it does not know',
    withExtensions(goodUsage, goodSan, extension(oid.nameConstraints, true, der(0x30))),
    'unknown-critical-extension',
  ),
  judges(
    'passes over one that is not critical',
    withExtensions(goodUsage, goodSan, extension(oid.nameConstraints, false, der(0x30))),
    'passes',
  ),
  ...['1f0100', '308000', '3003'].map((hex) =>
    judges(
      `refuses the bytes ${hex} in the place of names`,
      withExtensions(goodUsage, extension(oid.san, true, Buffer.from(hex, 'hex'))),
      'malformed',
    ),
  ),
  ...['812a', '82002a', '8300002a'].map((length) =>
    judges(
      `refuses the length 42 written as ${length}`,
      namedBy(element('86', length, Buffer.from(trustedSleep))),
      'malformed',
    ),
  ),
  judges(
    'refuses the length 200 in two octets',
    namedBy(element('82', '8200c8', Buffer.alloc(200, 0x61)), uri(trustedSleep)),
    'malformed',
  ),
  judges(
    'refuses the length 300 in three octets',
    namedBy(element('82', '8300012c', Buffer.alloc(300, 0x61)), uri(trustedSleep)),
    'malformed',
  ),
  judges(
    'takes the length 300 in two octets',
    namedBy(element('82', '82012c', Buffer.alloc(300, 0x61)), uri(trustedSleep)),
    'passes',
  ),
  judges(
    'refuses a name that is longer than its list',
    namedBy(uri(trustedSleep), element('82', '05', Buffer.from('abc'))),
    'malformed',
  ),
  judges('refuses a second certificate', Buffer.concat([certificateOf(trustedSleep), der(5)]), 'malformed'),
  judges(
    'refuses an extension with something behind its value',
    withExtensions(goodUsage, goodSan, der(0x30, oid.nameConstraints, der(4), der(5))),
    'malformed',
  ),
  judges(
    'refuses an extension of another tag',
    withExtensions(goodUsage, goodSan, der(0x31, oid.nameConstraints, der(4))),
    'malformed',
  ),
];
