import { createHash } from 'node:crypto';

/**
 * The start of the names of uploaded files: 16 hexadecimal digits that tell for which partition, and for a change of
 * which epoch, they were sent.
 *
 * An upload is of use to one transaction alone, that of its epoch, and that is what tells one that a killed process
 * left behind from one that is in use: once the epoch has passed, no transaction can be committed that needs it.
 */
export function uploadMark(partition: string, epoch: number): string {
  return ofPartition(partition) + epoch.toString(16).padStart(8, '0');
}

/** @returns the epoch that an upload was sent for; undefined for one of another partition */
export function epochOfUpload(name: string, partition: string): number | undefined {
  const [, owner, epoch] = /^mesh-([0-9a-f]{8})([0-9a-f]{8})[0-9a-f]{16}$/.exec(name) ?? [];
  return owner === ofPartition(partition) ? Number.parseInt(epoch ?? '', 16) : undefined;
}

function ofPartition(partition: string): string {
  return createHash('sha256').update(partition).digest('hex').slice(0, 8);
}
