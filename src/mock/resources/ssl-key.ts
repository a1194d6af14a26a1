import { Secret } from '../../secret.js';
import type { KeyFacts } from '../certificate/key-facts.js';
import { parseKey } from '../certificate/key-facts.js';
import type { ConfigObject } from '../config/configuration.js';
import type { Json } from '../json.js';
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
import { defaulted, member, readOnly } from './resource-kind.js';
import { unknownFormat } from './ssl-cert.js';
import { integer, oneOf, text } from './value-type.js';

/** How a master-key-encrypted value shows; it changes on every rewrite, so it tells nothing. */
export const encryptedValue = '$M$qs$0000000000000000000000==';

/** `sys/file/ssl-key`: a private key, whose PEM is never read back. */
export const sslKey: ResourceKind = {
  path: 'sys/file/ssl-key',
  title: 'Certificate Key File',
  mcpdName: 'certificate_key_file_object',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    checksumMember,
    ...createdMembers.slice(0, 2),
    fact('curveName', text, (key) => key.curveName),
    ...createdMembers.slice(2),
    fact('keySize', integer(), (key) => key.keySize),
    fact('keyType', text, (key) => key.keyType),
    ...storedMembers.slice(0, 2),
    member('passphrase', text),
    ...storedMembers.slice(2),
    defaulted('securityType', oneOf('normal', 'password', 'fips', 'nethsm'), 'normal'),
    sizeMember,
    { ...sourcePathMember, until: '14.0' },
    readOnly('systemPath', text),
    updatedByMember,
    { ...sourcePathMember, since: '14.0' },
  ],
  subcollections: [{ name: 'cert-order-manager', items: () => [], since: '14.1' }],
  settle: (draft) => {
    const object = hidePassphrase(draft.object);
    return settleFile({ ...draft, object }, 33_184, (file) => {
      const pem = asText(file);
      const key = parseKey(pem, object.secrets['passphrase']);
      if (key === undefined) throw unknownFormat(object.name.fullPath);
      return { type: 'key', pem, key };
    });
  },
};

export function keyOf(object: ConfigObject): KeyFacts | undefined {
  return object.content?.type === 'key' ? object.content.key : undefined;
}

function hidePassphrase(object: ConfigObject): ConfigObject {
  const passphrase = object.own['passphrase'];
  if (typeof passphrase !== 'string' || passphrase === encryptedValue) return object;
  return {
    ...object,
    own: { ...object.own, passphrase: encryptedValue, securityType: 'password' },
    secrets: { ...object.secrets, passphrase: new Secret(passphrase) },
  };
}

function fact(name: string, type: Member['type'], read: (key: KeyFacts) => Json): Member {
  return readOnly(name, type, {
    derive: (object) => {
      const key = keyOf(object);
      return key === undefined ? undefined : read(key);
    },
  });
}
