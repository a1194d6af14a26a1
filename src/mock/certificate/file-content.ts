import { createHash } from 'node:crypto';
import type { Secret } from '../../secret.js';
import type { CertificateFacts } from './certificate-facts.js';
import type { KeyFacts } from './key-facts.js';
import type { DataGroupRecord } from '../resources/data-group-records.js';

/** What a file object holds, read once when it was stored. */
export type FileContent =
  | { readonly type: 'certificate'; readonly pem: string; readonly certificates: readonly CertificateFacts[] }
  | { readonly type: 'key'; readonly pem: Secret; readonly key: KeyFacts }
  | { readonly type: 'records'; readonly text: string; readonly records: readonly DataGroupRecord[] }
  | { readonly type: 'crl'; readonly pem: string };

/** `SHA1:5753:1e55aa...`: the hash, the size in bytes and the lower-case hex of the stored file. */
export function checksum(file: Buffer): string {
  return `SHA1:${file.length}:${createHash('sha1').update(file).digest('hex')}`;
}

/** The blocks of a PEM file that have a label, in order, text around them dropped. */
export function pemBlocks(file: string, label: string): readonly string[] {
  return file.match(new RegExp(`-----BEGIN ${label}-----[\\s\\S]*?-----END ${label}-----`, 'g')) ?? [];
}
