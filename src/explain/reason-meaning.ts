import type { Explanation } from './explain.js';

/** What each reason says, for a person. */
export const reasonMeanings: Readonly<Record<Explanation['reason'], string>> = {
  allowed: 'an allow entry names the ID, or a pattern that holds it, and no deny entry does',
  'no-certificate': 'the caller shows no certificate',
  'too-large': 'the certificate has more than 16384 bytes or more than 400 elements',
  malformed: 'it is no certificate in DER, or not in the one form that DER has for it',
  'no-san': 'it has no subject alternative name',
  'duplicate-san': 'it has more than one subject alternative name extension',
  'no-uri': 'no URI is among its names',
  'many-uris': 'more than one URI is among its names',
  'bad-spiffe-id': 'its URI is no SPIFFE ID of a workload',
  'ca-certificate': 'it is the certificate of a CA',
  'key-usage':
    'its key usage is missing, not critical, without digitalSignature, or allows signing for others',
  'extended-key-usage': 'its extended key usage lacks serverAuth or clientAuth',
  'san-not-critical': 'its subject is empty, and its subject alternative name is not critical',
  'unknown-critical-extension': 'it has a critical extension that nobody here understands',
  'not-verified': 'TLS does not accept it: its time, its chain or its signature',
  'trust-domain': 'the ID belongs to a trust domain that is not accepted',
  denied: 'a deny entry names the ID, or a pattern that holds it',
  'not-listed': 'no entry names the ID',
  'internal-error': 'the rule met an error that it does not know; the device resets the connection',
  'engines-disagree': 'the rule and the TypeScript decision differ; please report it',
};
