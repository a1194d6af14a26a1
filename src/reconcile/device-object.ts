import type { Secret } from '../secret.js';

/**
 * The kinds that the agent writes, each before what refers to it: creation goes down this list, removal up.
 */
export const kindsInOrder = [
  'sys/file/ssl-key',
  'sys/file/ssl-cert',
  'sys/file/ssl-crl',
  'ltm/profile/client-ssl',
  'ltm/profile/statistics',
  'ltm/data-group/internal',
  'ltm/rule',
  'ltm/node',
  'ltm/pool',
  'ltm/virtual',
] as const;

export type DeviceKind = (typeof kindsInOrder)[number];

/** Members of an object as REST spells them. */
export type Members = Readonly<Record<string, unknown>>;

/** An object as it should be. Names are within the agent's partition. */
export interface DesiredObject {
  readonly kind: DeviceKind;
  readonly name: string;
  /** Only what the agent decides; everything else is the device's default and not compared. */
  readonly members: Members;
  /**
   * The content of a file object: uploaded before the transaction. `kept` stands for a file that is on the
   * device already and whose content cannot be read back.
   */
  readonly file?: FileContent | 'kept';
  /** What the ledger remembers of the object, because the device cannot tell it. */
  readonly facts?: Readonly<Record<string, string>>;
}

export interface FileContent {
  readonly pem: Secret;
  /** As the device states it: `SHA1:<bytes>:<hex>`. */
  readonly checksum: string;
}

/** An object as it is, with every member that the device gives. */
export interface ObservedObject {
  readonly kind: DeviceKind;
  readonly name: string;
  readonly members: Members;
}

export function objectKey(object: { readonly kind: DeviceKind; readonly name: string }): string {
  return `${object.kind} ${object.name}`;
}
