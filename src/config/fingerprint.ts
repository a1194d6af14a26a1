import { z } from 'zod';

/** The SHA-256 fingerprint of a certificate, as `openssl x509 -fingerprint -sha256` prints it, or without the colons. */
export const sha256Fingerprint = z
  .string()
  .regex(
    /^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/,
    'must be a SHA-256 fingerprint: 32 bytes in hex, with or without colons',
  );
