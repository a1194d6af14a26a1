import type { X509Certificate } from 'node:crypto';
import { parseCertificate } from '../../pki/parse-certificate.js';
import type { ServerFlight } from '../facts.js';

const recordHeaderBytes = 5;
const alertRecord = 21;
const handshakeRecord = 22;
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
  const { handshake, alert } = splitRecords(bytes);
  if (handshake.length === 0 && alert === undefined) return undefined;
  let version = '';
  let alpn: string | undefined;
  let certificates: readonly X509Certificate[] = [];
  let requestsCertificate = false;
  for (const { type, body } of messages(handshake)) {
    if (type === serverHello) {
      version = versions[body.length < 2 ? 0 : body.readUInt16BE(0)] ?? 'unknown';
      alpn = pickedProtocol(body);
    } else if (type === certificateMessage) certificates = readCertificates(body);
    else if (type === certificateRequest) requestsCertificate = true;
  }
  return { version, alpn, certificates, requestsCertificate, alert };
}

function splitRecords(bytes: Buffer): { readonly handshake: Buffer; readonly alert: number | undefined } {
  const parts: Buffer[] = [];
  let rest = bytes;
  while (rest.length >= recordHeaderBytes && rest[1] === 3) {
    const length = rest.readUInt16BE(3);
    const content = rest.subarray(recordHeaderBytes, recordHeaderBytes + length);
    if (rest[0] === alertRecord && content.length === 2)
      return { handshake: Buffer.concat(parts), alert: content[1] };
    if (rest[0] !== handshakeRecord) break;
    parts.push(content);
    rest = rest.subarray(recordHeaderBytes + length);
  }
  return { handshake: Buffer.concat(parts), alert: undefined };
}

function* messages(handshake: Buffer): Generator<{ readonly type: number; readonly body: Buffer }> {
  let rest = handshake;
  while (rest.length >= 4) {
    const length = rest.readUIntBE(1, 3);
    const body = rest.subarray(4, 4 + length);
    if (body.length < length) return;
    yield { type: rest[0] ?? 0, body };
    rest = rest.subarray(4 + length);
  }
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

function readCertificates(body: Buffer): readonly X509Certificate[] {
  const certificates: X509Certificate[] = [];
  let rest = body.subarray(3);
  while (rest.length >= 3) {
    const length = rest.readUIntBE(0, 3);
    const certificate = parseCertificate(rest.subarray(3, 3 + length));
    if (certificate !== undefined) certificates.push(certificate);
    rest = rest.subarray(3 + length);
  }
  return certificates;
}
