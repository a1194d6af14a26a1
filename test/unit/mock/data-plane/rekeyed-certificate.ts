import { createSign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { der } from '../../../support/der.js';

/** Elements of the to-be-signed part that every certificate has in front of its public key, version included. */
const fieldsBeforeKey = 6;
const ecdsaWithSha256 = Buffer.from('06082a8648ce3d040302', 'hex');

/**
 * The same certificate for another key, signed by another key: everything that a rule reads stays as it is, byte for
 * byte, so that a published certificate whose key nobody has can be used in a handshake.
 *
 * @param certificate DER of a version 3 certificate whose outer three levels are sound.
 * @param publicKey the subject's new key.
 * @param signer an EC key of P-256.
 */
export function rekeyCertificate(certificate: Buffer, publicKey: KeyObject, signer: KeyObject): Buffer {
  const tbs = elements(elements(certificate)[0]?.content ?? certificate)[0];
  if (tbs === undefined) throw new TypeError('this is no certificate');
  const fields = elements(tbs.content);
  const algorithm = der(0x30, ecdsaWithSha256);
  const signed = der(
    0x30,
    ...fields.map(({ whole }, index) => {
      if (index === 2) return algorithm;
      return index === fieldsBeforeKey ? publicKey.export({ type: 'spki', format: 'der' }) : whole;
    }),
  );
  const signature = createSign('sha256').update(signed).sign(signer);
  return der(0x30, signed, algorithm, der(0x03, Buffer.of(0), signature));
}

function elements(bytes: Buffer): Array<{ whole: Buffer; content: Buffer }> {
  const found: Array<{ whole: Buffer; content: Buffer }> = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1] ?? 0;
    const octets = first > 0x7f ? first & 0x7f : 0;
    const length = octets === 0 ? first : bytes.readUIntBE(at + 2, octets);
    const from = at + 2 + octets;
    found.push({ whole: bytes.subarray(at, from + length), content: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return found;
}
