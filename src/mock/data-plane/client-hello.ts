/** What a virtual server must know of a client's first bytes before TLS takes over. */
export type FirstBytes =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'not-tls' }
  | {
      readonly kind: 'client-hello';
      readonly offersTls13: boolean;
      /** As they stand in the message: type and length, two bytes each, and content; one after the other. */
      readonly extensions: Buffer;
    };

const handshakeRecord = 22;
const clientHelloType = 1;
const supportedVersionsExtension = 43;
const tls13 = 0x0304;
/** More than any ClientHello of today, hybrid key shares and tickets included. */
const maxClientHelloBytes = 65_536;

/**
 * Looks at the first bytes of a connection (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2).
 *
 * What starts like a ClientHello and then is none is left to the TLS stack to refuse.
 */
export function readFirstBytes(bytes: Buffer): FirstBytes {
  if (bytes.length === 0) return { kind: 'incomplete' };
  if (bytes[0] !== handshakeRecord) return { kind: 'not-tls' };
  const message = firstHandshakeMessage(bytes);
  if (message === undefined) {
    return bytes.length > maxClientHelloBytes
      ? { kind: 'client-hello', offersTls13: false, extensions: Buffer.alloc(0) }
      : { kind: 'incomplete' };
  }
  const extensions = extensionsOf(message);
  return { kind: 'client-hello', offersTls13: offersTls13(extensions), extensions };
}

/** The body of the first handshake message, put together from as many records as it takes. */
function firstHandshakeMessage(bytes: Buffer): Buffer | undefined {
  const fragments: Buffer[] = [];
  let length = 0;
  for (let offset = 0; offset + 5 <= bytes.length;) {
    if (bytes[offset] !== handshakeRecord) return Buffer.alloc(0);
    const end = offset + 5 + bytes.readUInt16BE(offset + 3);
    if (end > bytes.length) return undefined;
    fragments.push(bytes.subarray(offset + 5, end));
    length += end - offset - 5;
    offset = end;
    if (length < 4) continue;
    const message = Buffer.concat(fragments);
    if (message[0] !== clientHelloType) return Buffer.alloc(0);
    const bodyEnd = 4 + message.readUIntBE(1, 3);
    if (message.length >= bodyEnd) return message.subarray(4, bodyEnd);
  }
  return undefined;
}

/** Empty where there are none, or where the message is none. */
function extensionsOf(clientHello: Buffer): Buffer {
  try {
    // Version and random, then three lists with their lengths in front: session ID, ciphers, compressions.
    let offset = 34;
    offset += 1 + clientHello.readUInt8(offset);
    offset += 2 + clientHello.readUInt16BE(offset);
    offset += 1 + clientHello.readUInt8(offset);
    const length = clientHello.readUInt16BE(offset);
    return clientHello.subarray(offset + 2, offset + 2 + length);
  } catch (error) {
    if (error instanceof RangeError) return Buffer.alloc(0);
    throw error;
  }
}

function offersTls13(extensions: Buffer): boolean {
  for (let offset = 0; offset + 4 <= extensions.length;) {
    const end = offset + 4 + extensions.readUInt16BE(offset + 2);
    if (extensions.readUInt16BE(offset) === supportedVersionsExtension) {
      for (let at = offset + 5; at + 2 <= Math.min(end, extensions.length); at += 2) {
        if (extensions.readUInt16BE(at) === tls13) return true;
      }
      return false;
    }
    offset = end;
  }
  return false;
}
