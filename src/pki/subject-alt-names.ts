import { Primitive, Sequence } from 'asn1js';

/** Names for a subject alternative name; values are written byte for byte (latin1), whatever they say. */
export interface SubjectAltNames {
  readonly isCritical: boolean;
  readonly names: readonly { readonly type: 'uri' | 'dns'; readonly value: string }[];
}

/** The value of the extension: GeneralNames with the context tags 6 and 2 (RFC 5280 section 4.2.1.6). */
export function encodeSubjectAltNames({ names }: SubjectAltNames): Sequence {
  const value = names.map(
    ({ type, value }) =>
      new Primitive({
        idBlock: { tagClass: 3, tagNumber: type === 'uri' ? 6 : 2 },
        valueHex: Buffer.from(value, 'latin1'),
      }),
  );
  return new Sequence({ value });
}
