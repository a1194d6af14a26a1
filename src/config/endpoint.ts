import { isIP, isIPv6 } from 'node:net';
import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';

/** An IP address and a TCP port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Reads `10.1.20.5:9000` or `[2001:db8::1]:9000`. */
export function parseEndpoint(text: string): Parsed<Endpoint> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  if (match === null) {
    return refused(`"${text}" is no ADDRESS:PORT; write it like 10.1.20.5:9000 or [2001:db8::1]:9000`);
  }
  const address = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  if (isIP(address) === 0) return refused(`"${address}" in "${text}" is no IP address`);
  if (match[1] !== undefined && !isIPv6(address))
    return refused(`"${address}" in "${text}" is no IPv6 address`);
  if (port < 1 || port > 65_535) return refused(`port ${port} in "${text}" is not between 1 and 65535`);
  return accepted({ address, port });
}

/** Writes an endpoint as a URL does: an IPv6 address stands in brackets. */
export function renderEndpoint({ address, port }: Endpoint): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
