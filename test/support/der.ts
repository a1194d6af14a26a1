/** One DER element: identifier octet, shortest length, contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), derLength(content.length), content]);
}

function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const hex = length.toString(16);
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.of(0x80 | octets.length), octets]);
}

export const oid = {
  keyUsage: Buffer.from('0603551d0f', 'hex'),
  san: Buffer.from('0603551d11', 'hex'),
  basicConstraints: Buffer.from('0603551d13', 'hex'),
  extendedKeyUsage: Buffer.from('0603551d25', 'hex'),
  nameConstraints: Buffer.from('0603551d1e', 'hex'),
  certificatePolicies: Buffer.from('0603551d20', 'hex'),
  authorityKeyIdentifier: Buffer.from('0603551d23', 'hex'),
};

const criticalTrue = Buffer.from('0101ff', 'hex');

/** `value` is what the octet string holds. */
export function extension(id: Buffer, isCritical: boolean | Buffer, value: Buffer): Buffer {
  const critical =
    typeof isCritical === 'boolean' ? (isCritical ? criticalTrue : Buffer.alloc(0)) : isCritical;
  return der(0x30, id, critical, der(0x04, value));
}

export function uri(value: string): Buffer {
  return der(0x86, Buffer.from(value, 'latin1'));
}

export function san(isCritical: boolean, ...names: readonly Buffer[]): Buffer {
  return extension(oid.san, isCritical, der(0x30, ...names));
}

/** `bits` is the first octet of the bit string: 0x80 digitalSignature, 0x04 keyCertSign, 0x02 cRLSign. */
export function keyUsage(isCritical: boolean, bits: number): Buffer {
  return extension(oid.keyUsage, isCritical, der(0x03, Buffer.of(0, bits)));
}

export function basicConstraints(...fields: readonly Buffer[]): Buffer {
  return extension(oid.basicConstraints, true, der(0x30, ...fields));
}

export function extendedKeyUsage(...oids: readonly string[]): Buffer {
  return extension(
    oid.extendedKeyUsage,
    false,
    der(0x30, ...oids.map((hex) => der(0x06, Buffer.from(hex, 'hex')))),
  );
}

/** @param fields of AuthorityKeyIdentifier: 0x80 the key identifier, 0xa1 issuer, 0x82 serial number. */
export function authorityKeyIdentifier(...fields: readonly Buffer[]): Buffer {
  return extension(oid.authorityKeyIdentifier, false, der(0x30, ...fields));
}

export const serverAuth = '2b06010505070301';
export const clientAuth = '2b06010505070302';

/** The parts of a hand-made certificate; a field left out is as in an Istio workload certificate. */
export interface CertificateParts {
  readonly version?: Buffer;
  readonly issuer?: Buffer;
  readonly subject?: Buffer;
  readonly afterKey?: Buffer;
  readonly extensions?: readonly Buffer[];
  /** Instead of everything from [3] on. */
  readonly extensionsBlock?: Buffer;
  readonly trailer?: Buffer;
}

/**
 * A certificate that no library would write, for parsers that do not look at keys and signatures: those are filler.
 */
export function certificateDer(parts: CertificateParts): Buffer {
  const empty = Buffer.alloc(0);
  const block = parts.extensionsBlock ?? der(0xa3, der(0x30, ...(parts.extensions ?? [])));
  const tbs = der(
    0x30,
    parts.version ?? der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(1)),
    der(0x30),
    parts.issuer ?? der(0x30),
    der(0x30),
    parts.subject ?? der(0x30),
    der(0x30),
    parts.afterKey ?? empty,
    block,
  );
  return der(0x30, tbs, der(0x30), der(0x03, Buffer.of(0)), parts.trailer ?? empty);
}
