const recordHeaderBytes = 5;
const messageHeaderBytes = 4;
const alertRecord = 21;
const handshakeRecord = 22;
/** Both a list of certificates and each certificate in it carry their length in so many bytes. */
const lengthBytes = 3;

/** What a TLS server sent in clear, from the start of the connection (RFC 5246, 6.2.1). */
export interface ClearRecords {
  /** The content of the handshake records up to the first record of another type. */
  readonly handshake: Buffer;
  /** The description of the alert that came then, if one did. */
  readonly alert: number | undefined;
}

export function parseClearRecords(bytes: Buffer): ClearRecords {
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

/** The messages of a handshake, one after the other, as far as they are complete (RFC 5246, 7.4). */
export function* handshakeMessages(
  handshake: Buffer,
): Generator<{ readonly type: number; readonly body: Buffer }> {
  let rest = handshake;
  while (rest.length >= messageHeaderBytes) {
    const length = rest.readUIntBE(1, 3);
    const body = rest.subarray(messageHeaderBytes, messageHeaderBytes + length);
    if (body.length < length) return;
    yield { type: rest[0] ?? 0, body };
    rest = rest.subarray(messageHeaderBytes + length);
  }
}

/**
 * The DER of each certificate in a Certificate message, leaf first (RFC 5246, 7.4.2).
 *
 * @returns undefined when there is none, or the lengths do not add up
 */
export function certificatesOf(message: Buffer): readonly [Buffer, ...Buffer[]] | undefined {
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
