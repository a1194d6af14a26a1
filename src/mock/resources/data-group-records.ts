import { isIPv4, isIPv6 } from 'node:net';
import type { ObjectName } from '../config/object-name.js';
import { alreadyExists, mcpdRefusal } from '../config/refusal.js';
import { isJsonObject, textOf } from '../json.js';
import type { Json } from '../json.js';

/** One key of a data group, and the value that it stands for. */
export type DataGroupRecord = { readonly name: string; readonly data: string };

export type DataGroupType = 'string' | 'ip' | 'integer';

/** Bytes that a key or a value may have (AS3 best practices; HTTP 400 beyond). */
const maximumBytes = 65_520;

/** Spells one key as the device does: addresses in CIDR form, hosts as `/32` or `/128`. */
export function canonicalKey(type: DataGroupType, key: string): string | undefined {
  if (type === 'string') return key === '' ? undefined : key;
  if (type === 'integer') return /^-?\d+$/.test(key) ? key : undefined;
  const [address = '', prefix] = key.split('/');
  const bare = address.replace(/%\d+$/, '');
  if (isIPv4(bare)) return prefixed(address, prefix, 32);
  if (isIPv6(bare)) return prefixed(address, prefix, 128);
  return undefined;
}

function prefixed(address: string, prefix: string | undefined, longest: number): string | undefined {
  if (prefix === undefined) return `${address}/${longest}`;
  return /^\d+$/.test(prefix) && Number(prefix) <= longest ? `${address}/${prefix}` : undefined;
}

/** The records of an object as stored: `{name, data}` pairs. */
export function recordsOf(value: Json | undefined): readonly DataGroupRecord[] {
  if (!Array.isArray(value)) return [];
  return value.map((item: Json) => {
    const record = isJsonObject(item) ? item : {};
    return { name: textOf(record['name'] ?? ''), data: textOf(record['data'] ?? '') };
  });
}

/**
 * Checks and spells the records of a data group.
 *
 * @throws Refusal for a key of the wrong type, a key that comes twice, and strings over 65,520 bytes.
 */
export function canonicalRecords(
  type: DataGroupType,
  records: readonly DataGroupRecord[],
  dataGroup: ObjectName,
): readonly DataGroupRecord[] {
  const byKey = new Map<string, DataGroupRecord>();
  for (const record of records) {
    checkSize('name', record.name);
    checkSize('data', record.data);
    const name = canonicalKey(type, record.name);
    if (name === undefined) {
      // Refused by devices as well; the text is not on record.
      throw mcpdRefusal('01070712', `Invalid value (${record.name}) for a data group of type ${type}.`);
    }
    if (byKey.has(name)) {
      throw alreadyExists(itemTitle(type), `${dataGroup.fullPath} ${name}`, dataGroup.partition ?? 'Common');
    }
    byKey.set(name, { name, data: record.data });
  }
  return [...byKey.values()];
}

/** The name of one record in refusals. */
export function itemTitle(type: DataGroupType): string {
  return `class ${type} item`;
}

function checkSize(attribute: string, value: string): void {
  const received = Buffer.byteLength(value);
  if (received <= maximumBytes) return;
  throw mcpdRefusal(
    '01070712',
    `Max string size exceeded during update of attribute:${attribute} type:class_value_item ` +
      `max:${maximumBytes} received:${received}`,
  );
}
