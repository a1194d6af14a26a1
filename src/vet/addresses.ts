import { isIPv6 } from 'node:net';

/** An address in one spelling, so that two of them can be compared; anything else as it is. */
export function canonicalIp(text: string): string {
  return isIPv6(text) ? new URL(`http://[${text.replace(/%.*$/, '')}]`).hostname.slice(1, -1) : text;
}
