import { createHash, X509Certificate } from 'node:crypto';
import { extensionsText } from '../certificate/extensions-text.js';
import type { Facts } from '../tcl/rule-engine.js';

/**
 * What the `X509::` commands say of a certificate, in the words of 13.0 and later (F5 ID 607410 changed the order of
 * the subject).
 *
 * @param der one that TLS has accepted as a certificate.
 * @param index its place in what the client sent.
 */
export function certificateFacts(der: Buffer, index: number): Facts {
  const certificate = new X509Certificate(der);
  const facts = {
    whole: certificate.toString(),
    extensions: extensionsText(der),
    subject: oneLine(certificate.subject),
    common_name: /^CN=(.*)$/m.exec(certificate.subject ?? '')?.[1] ?? '',
    issuer: oneLine(certificate.issuer),
    serial_number: colons(certificate.serialNumber.toLowerCase()),
    hash: colons(createHash('md5').update(der).digest('hex')),
    version: 2,
    not_valid_before: certificate.validFrom,
    not_valid_after: certificate.validTo,
  };
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [`x509.${index}.${name}`, value]));
}

/** `C=US, O=..., CN=...`; nothing for an empty name, which Node gives as undefined. */
function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').toReversed().join(', ');
}

function colons(hex: string): string {
  return (hex.match(/../g) ?? []).join(':');
}
