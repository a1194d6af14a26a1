import { certificatesOf, handshakeMessages, parseClearRecords } from './tls-records.js';

const certificateMessage = 11;

/**
 * Finds the certificates of the server, leaf first, in what a TLS 1.2 server sent in clear.
 *
 * A caller that is refused before the handshake is complete never learns from its TLS library whom it spoke to; a
 * refusal proves something only when it came from the right server. In TLS 1.3 the certificate is not in clear, and
 * not needed here: there the handshake is complete before the server judges the caller.
 *
 * @param bytes everything received so far, from the start of the connection
 * @returns the DER of each; undefined as long as they are not there, or when they never will be
 */
export function findServerCertificates(bytes: Buffer): readonly [Buffer, ...Buffer[]] | undefined {
  for (const { type, body } of handshakeMessages(parseClearRecords(bytes).handshake)) {
    if (type === certificateMessage) return certificatesOf(body);
  }
  return undefined;
}
