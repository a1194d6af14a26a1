import { DeviceError } from './errors.js';
import { redactPath } from './request.js';
import type { Method } from './request.js';

/** Codes of node's TLS for a certificate that does not prove the device; other failures are of the network. */
const certificateCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'FINGERPRINT_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Failures that happen before the device has seen the request. */
const beforeSending = new Set([...certificateCodes, 'EAI_AGAIN', 'ECONNREFUSED', 'ENOTFOUND']);

interface Failed {
  readonly method: Method;
  readonly path: string;
  /** Host and port. */
  readonly device: string;
}

/** @param code node's name of the failure, such as `ECONNREFUSED` */
export function connectionError(failed: Failed, code: string, detail?: string): DeviceError {
  const resource = redactPath(failed.path);
  if (certificateCodes.has(code)) {
    return new DeviceError(
      'MESH_ERR_DEVICE_CERTIFICATE',
      `the certificate of ${failed.device} is not the expected one (${detail ?? code}); nothing was sent`,
      'Check that this is the device, then give its CA file or SHA-256 fingerprint in the device section',
      { resource },
    );
  }
  return new DeviceError(
    'MESH_ERR_DEVICE_UNREACHABLE',
    `${failed.method} ${resource}: no answer from ${failed.device} (${code})`,
    'Check address, port and network of the management port',
    { resource, outcomeUnknown: failed.method !== 'GET' && !beforeSending.has(code) },
  );
}

export function deadlineError(failed: Failed, timeoutMs: number): DeviceError {
  const resource = redactPath(failed.path);
  return new DeviceError(
    'MESH_ERR_DEVICE_TIMEOUT',
    `${failed.method} ${resource}: ${failed.device} did not answer within ${timeoutMs / 1000} s`,
    'Check the load of the device; the call may still be carried out, so read back before repeating it',
    { resource, outcomeUnknown: failed.method !== 'GET' },
  );
}
