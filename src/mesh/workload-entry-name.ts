import { isIPv6 } from 'node:net';

/**
 * The name of the WorkloadEntry of one address, which must be an RFC 1123 subdomain: `bigip-10.0.0.5`.
 *
 * An IPv6 address is written out (`bigip-2001-db8-0-0-0-0-0-1`), so that each of its spellings gives one name and
 * none ends in a dash.
 */
export function workloadEntryName(serviceName: string, address: string): string {
  const text = isIPv6(address) ? ipv6Groups(address).join('-') : address;
  return `${serviceName}-${text}`;
}

/** The eight groups in lower-case hexadecimal without leading zeros. */
function ipv6Groups(address: string): string[] {
  // A URL spells an address in one way (RFC 5952) and turns a dotted tail into groups.
  const spelled = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = spelled.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before;
  const after = tail === '' ? [] : tail.split(':');
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
}
