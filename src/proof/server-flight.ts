const recordHeaderBytes = 5;
const handshakeHeaderBytes = 4;
const handshakeRecord = 22;
const certificateMessage = 11;
const lengthBytes = 3;

/**
 * Finds the certificates of the server, leaf first, in what a TLS 1.2 server sent in clear (RFC 5246, 6.2.1, 7.4 and 7.4.2).
 *
 * A caller that is refused before the handshake is complete never learns from its TLS library whom it spoke to; a
 * refusal proves something only when it came from the right server. In TLS 1.3 the certificate is not in clear, and
 * not needed here: there the handshake is complete before the server judges the caller.
 *
 * @param bytes everything received so far, from the start of the connection
 * @returns the DER of each; undefined as long as they are not there, or when they never will be
 */
export function findServerCertificates(bytes: Buffer): readonly [Buffer, ...Buffer[]] | undefined {
  let messages = handshakeBytes(bytes);
  while (messages.length >= handshakeHeaderBytes) {
    const length = messages.readUIntBE(1, 3);
    const body = messages.subarray(handshakeHeaderBytes, handshakeHeaderBytes + length);
    if (body.length < length) return undefined;
    if (messages[0] === certificateMessage) return certificatesOf(body);
    messages = messages.subarray(handshakeHeaderBytes + length);
  }
  return undefined;
}

/** The content of the handshake records up to the first record of another type. */
function handshakeBytes(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let rest = bytes;
  while (rest.length >= recordHeaderBytes && rest[0] === handshakeRecord) {
    const length = rest.readUInt16BE(3);
    parts.push(rest.subarray(recordHeaderBytes, recordHeaderBytes + length));
    rest = rest.subarray(recordHeaderBytes + length);
  }
  return Buffer.concat(parts);
}

/** Both the list and each certificate in it carry their length in three bytes. */
function certificatesOf(message: Buffer): readonly [Buffer, ...Buffer[]] | undefined {
  const certificates: Buffer[] = [];
  let rest = message.subarray(lengthBytes);
  while (rest.length > 0) {
    const end = rest.length < lengthBytes ? Infinity : lengthBytes + rest.readUIntBE(0, lengthBytes);
    if (end > rest.length || end === lengthBytes) return undefined;
    certificates.push(Buffer.from(rest.subarray(lengthBytes, end)));
    rest = rest.subarray(end);
  }
  const [leaf, ...others] = certificates;
  return leaf === undefined ? undefined : [leaf, ...others];
}
