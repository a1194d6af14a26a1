/**
 * Numbers of OpenSSL's X509_V_ERR_ constants (x509_vfy.h), which `SSL::verify_result` reports, by the names that Node
 * gives to them.
 */
const numbers: ReadonlyMap<string, number> = new Map([
  ['UNABLE_TO_GET_ISSUER_CERT', 2],
  ['UNABLE_TO_GET_CRL', 3],
  ['UNABLE_TO_DECRYPT_CERT_SIGNATURE', 4],
  ['UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY', 6],
  ['CERT_SIGNATURE_FAILURE', 7],
  ['CRL_SIGNATURE_FAILURE', 8],
  ['CERT_NOT_YET_VALID', 9],
  ['CERT_HAS_EXPIRED', 10],
  ['CRL_NOT_YET_VALID', 11],
  ['CRL_HAS_EXPIRED', 12],
  ['ERROR_IN_CERT_NOT_BEFORE_FIELD', 13],
  ['ERROR_IN_CERT_NOT_AFTER_FIELD', 14],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 18],
  ['SELF_SIGNED_CERT_IN_CHAIN', 19],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 20],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 21],
  ['CERT_CHAIN_TOO_LONG', 22],
  ['CERT_REVOKED', 23],
  ['INVALID_CA', 24],
  ['PATH_LENGTH_EXCEEDED', 25],
  ['INVALID_PURPOSE', 26],
  ['CERT_UNTRUSTED', 27],
  ['CERT_REJECTED', 28],
]);

/** X509_V_ERR_UNSPECIFIED */
const unspecified = 1;
export const chainTooLong = 22;

/** @param code what Node calls the failure; absent when the certificate verified. */
export function verifyResult(code: string | undefined): number {
  return code === undefined ? 0 : (numbers.get(code) ?? unspecified);
}

const alerts: ReadonlyMap<number, number> = new Map([
  [3, 48], // unknown_ca
  [7, 51], // decrypt_error
  [8, 51],
  [9, 42], // bad_certificate
  [10, 45], // certificate_expired
  [12, 45],
  [18, 48],
  [19, 48],
  [20, 48],
  [21, 48],
  [22, 48],
  [2, 48],
  [23, 44], // certificate_revoked
  [24, 48],
  [25, 48],
  [26, 43], // unsupported_certificate
]);
const badCertificate = 42;
const handshakeFailure = 40;
const protocolVersion = 70;

/** The result of `verifyResult` for a client certificate under `require`, or what else is wrong. */
type AlertCause = number | 'bad-certificate' | 'no-certificate' | 'protocol-version';

/**
 * A fatal alert of a server (RFC 5246 section 7.2.2), as a record in plain text, which is its form until the server
 * has changed ciphers.
 */
export function fatalAlert(cause: AlertCause): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, 2, description(cause)]);
}

function description(cause: AlertCause): number {
  if (cause === 'bad-certificate') return badCertificate;
  if (cause === 'no-certificate') return handshakeFailure;
  if (cause === 'protocol-version') return protocolVersion;
  return alerts.get(cause) ?? badCertificate;
}
