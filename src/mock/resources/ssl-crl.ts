import { pemBlocks } from '../certificate/file-content.js';
import { elementsOf } from '../certificate/tlv.js';
import {
  asText,
  checksumMember,
  createdMembers,
  settleFile,
  sizeMember,
  sourcePathMember,
  storedMembers,
  updatedByMember,
} from './file-object.js';
import type { ResourceKind } from './resource-kind.js';
import { unknownFormat } from './ssl-cert.js';

/** `sys/file/ssl-crl`: a certificate revocation list. */
export const sslCrl: ResourceKind = {
  path: 'sys/file/ssl-crl',
  title: 'Certificate Revocation List File',
  mcpdName: 'certificate_revocation_list_file_object',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    checksumMember,
    ...createdMembers,
    ...storedMembers,
    sizeMember,
    updatedByMember,
    sourcePathMember,
  ],
  settle: (draft) =>
    settleFile(draft, 33_188, (file, object) => {
      const pem = asText(file).reveal();
      const lists = pemBlocks(pem, 'X509 CRL').map((block) =>
        Buffer.from(block.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64'),
      );
      if (lists.length === 0 || !lists.every(isSequence)) throw unknownFormat(object.name.fullPath);
      return { type: 'crl', pem };
    }),
};

function isSequence(der: Buffer): boolean {
  const elements = elementsOf(der) ?? [];
  return elements.length === 1 && elements[0]?.tag === 0x30;
}
