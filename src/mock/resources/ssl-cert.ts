import { parseCertificates } from '../certificate/certificate-facts.js';
import type { CertificateFacts } from '../certificate/certificate-facts.js';
import type { ConfigObject } from '../config/configuration.js';
import { mcpdRefusal } from '../config/refusal.js';
import type { Json, JsonObject } from '../json.js';
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
import type { Member, ResourceKind } from './resource-kind.js';
import { member, readOnly } from './resource-kind.js';
import { integer, listOf, oneOf, reference, text, trueFalse } from './value-type.js';

export const unknownFormat = (fullPath: string) =>
  mcpdRefusal('01070712', `Certificate/Key has unknown format or security type (${fullPath}).`);

/** `sys/file/ssl-cert`: a certificate, or a bundle of several. */
export const sslCert: ResourceKind = {
  path: 'sys/file/ssl-cert',
  title: 'Certificate File',
  mcpdName: 'certificate_file_object',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    member('certValidationOptions', listOf(oneOf('ocsp'))),
    fact('certificateKeyCurveName', text, (certificate) => certificate.curveName),
    fact('certificateKeySize', integer(), (certificate) => certificate.keySize),
    checksumMember,
    ...createdMembers,
    fact('email', text, (certificate) => certificate.email),
    fact('expirationDate', integer(), (certificate) => certificate.expirationDate),
    fact('expirationString', text, (certificate) => certificate.expirationString),
    fact('fingerprint', text, (certificate) => certificate.fingerprint, { since: '14.0' }),
    readOnly('isBundle', trueFalse, { derive: (object) => String(certificatesOf(object).length > 1) }),
    fact('issuer', text, (certificate) => presentText(certificate.issuer)),
    member('issuerCert', reference('sys/file/ssl-cert')),
    fact('keyType', text, (certificate) => certificate.keyType),
    ...storedMembers,
    fact('serialNumber', text, (certificate, count) => (count > 1 ? undefined : certificate.serialNumber)),
    sizeMember,
    { ...sourcePathMember, until: '14.0' },
    fact('subject', text, (certificate) => presentText(certificate.subject)),
    fact('subjectAlternativeName', text, (certificate) => certificate.subjectAlternativeName),
    readOnly('systemPath', text),
    updatedByMember,
    fact('version', integer(), (certificate) => certificate.version),
    { ...sourcePathMember, since: '14.0' },
  ],
  subcollections: [
    { name: 'bundle-certificates', items: bundleItems },
    { name: 'cert-validators', items: () => [] },
  ],
  settle: (draft) =>
    settleFile(draft, 33_188, (file, object) => {
      const pem = asText(file).reveal();
      const certificates = parseCertificates(pem);
      if (certificates === undefined) throw unknownFormat(object.name.fullPath);
      return { type: 'certificate', pem, certificates };
    }),
};

export function certificatesOf(object: ConfigObject): readonly CertificateFacts[] {
  return object.content?.type === 'certificate' ? object.content.certificates : [];
}

/** A member that describes the first certificate of the file. */
function fact(
  name: string,
  type: Member['type'],
  read: (certificate: CertificateFacts, count: number) => Json | undefined,
  options: Partial<Member> = {},
): Member {
  return readOnly(name, type, {
    ...options,
    derive: (object) => {
      const certificates = certificatesOf(object);
      const first = certificates[0];
      return first === undefined ? undefined : read(first, certificates.length);
    },
  });
}

function presentText(value: string): string | undefined {
  return value === '' ? undefined : value;
}

function bundleItems(object: ConfigObject): readonly JsonObject[] {
  const certificates = certificatesOf(object);
  if (certificates.length < 2) return [];
  return certificates.map((certificate, index) => ({
    name: String(index + 1),
    certificateKeyCurveName: certificate.curveName,
    certificateKeySize: certificate.keySize,
    expirationDate: certificate.expirationDate,
    expirationString: certificate.expirationString,
    fingerprint: certificate.fingerprint,
    issuer: certificate.issuer,
    keyType: certificate.keyType,
    serialNumber: certificate.serialNumber,
    subject: certificate.subject,
    version: certificate.version,
  }));
}
