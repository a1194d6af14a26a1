import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { Null } from 'asn1js';
import { AlgorithmIdentifier } from 'pkijs';

import { AgentError } from '../errors.js';
import { describeKey } from './key-pair.js';

interface SignatureAlgorithm {
  readonly oid: string;
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  /** RSA's identifier carries an explicit NULL, ECDSA's nothing (RFC 4055 section 5, RFC 5758 section 3.2). */
  readonly hasNullParameters: boolean;
}

const rsaSha256: SignatureAlgorithm = {
  oid: '1.2.840.113549.1.1.11',
  hash: 'sha256',
  hasNullParameters: true,
};
const ecdsa: Readonly<Record<string, SignatureAlgorithm>> = {
  prime256v1: { oid: '1.2.840.10045.4.3.2', hash: 'sha256', hasNullParameters: false },
  secp384r1: { oid: '1.2.840.10045.4.3.3', hash: 'sha384', hasNullParameters: false },
  secp521r1: { oid: '1.2.840.10045.4.3.4', hash: 'sha512', hasNullParameters: false },
};

/**
 * The algorithm that a key signs certificates with, chosen as Go's crypto/x509 and so istiod chooses it.
 *
 * @param name the key in a message.
 * @throws AgentError MESH_ERR_CA_KEY_UNSUPPORTED for a key that is neither RSA nor ECDSA on a NIST curve.
 */
export function signatureAlgorithmOf(key: KeyObject, name = 'the signing key'): SignatureAlgorithm {
  const algorithm =
    key.asymmetricKeyType === 'rsa' ? rsaSha256 : ecdsa[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (algorithm !== undefined) return algorithm;
  throw new AgentError(
    'MESH_ERR_CA_KEY_UNSUPPORTED',
    `${name} is of kind ${describeKey(key)}`,
    'use a mesh CA with an RSA key or an ECDSA key on P-256, P-384 or P-521',
  );
}

export function algorithmIdentifier(algorithm: SignatureAlgorithm): AlgorithmIdentifier {
  return new AlgorithmIdentifier({
    algorithmId: algorithm.oid,
    ...(algorithm.hasNullParameters ? { algorithmParams: new Null() } : {}),
  });
}

/** Signs with node, so that the key stays a `KeyObject` and never crosses into WebCrypto. */
export function signDer(der: Buffer, key: KeyObject, algorithm: SignatureAlgorithm): Buffer {
  return sign(algorithm.hash, der, key);
}
