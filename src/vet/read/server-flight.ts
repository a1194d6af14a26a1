import type { X509Certificate } from 'node:crypto';
import { parseCertificate } from '../../pki/parse-certificate.js';
import { certificatesOf, handshakeMessages, parseClearRecords } from '../../proof/tls-records.js';
import type { ServerFlight } from '../facts.js';

const serverHello = 2;
const certificateMessage = 11;
const certificateRequest = 13;
const alpnExtension = 16;

const versions: Readonly<Record<number, string>> = {
  0x0300: 'SSLv3',
  0x0301: 'TLSv1',
  0x0302: 'TLSv1.1',
  0x0303: 'TLSv1.2',
};

/**
 * Reads what a server sent in clear before it knew its caller (RFC 5246, section 7.4; ALPN by RFC 7301).
 *
 * Up to TLS 1.2 that is all there is to see of a server: its certificate, whether it asks for one, and the protocol
 * that it picked.
 *
 * @param bytes everything received, from the start of the connection
 * @returns undefined when it is no TLS
 */
export function parseServerFlight(bytes: Buffer): ServerFlight | undefined {
  const { handshake, alert } = parseClearRecords(bytes);
  if (handshake.length === 0 && alert === undefined) return undefined;
  let version = '';
  let alpn: string | undefined;
  let certificates: readonly X509Certificate[] = [];
  let requestsCertificate = false;
  for (const { type, body } of handshakeMessages(handshake)) {
    if (type === serverHello) {
      version = versions[body.length < 2 ? 0 : body.readUInt16BE(0)] ?? 'unknown';
      alpn = pickedProtocol(body);
    } else if (type === certificateMessage) certificates = readCertificates(body);
    else if (type === certificateRequest) requestsCertificate = true;
  }
  return { version, alpn, certificates, requestsCertificate, alert };
}

/** Version, random, session id, cipher, compression; then extensions of two bytes type and two bytes length. */
function pickedProtocol(hello: Buffer): string | undefined {
  const sessionIdBytes = hello[34] ?? 0;
  let at = 35 + sessionIdBytes + 3 + 2;
  while (at + 4 <= hello.length) {
    const length = hello.readUInt16BE(at + 2);
    if (hello.readUInt16BE(at) === alpnExtension) {
      const list = hello.subarray(at + 4, at + 4 + length);
      return list.subarray(3, 3 + (list[2] ?? 0)).toString('latin1');
    }
    at += 4 + length;
  }
  return undefined;
}

/** A certificate that cannot be read is left out: what can be seen of the others is of use all the same. */
function readCertificates(body: Buffer): readonly X509Certificate[] {
  return (certificatesOf(body) ?? [])
    .map(parseCertificate)
    .filter((certificate) => certificate !== undefined);
}
