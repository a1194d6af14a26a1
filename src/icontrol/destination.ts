import { isIP, isIPv4 } from 'node:net';
import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';

/**
 * An address with a port, as virtual servers (`destination`) and pool members (`name`) spell it:
 * `/Common/10.0.0.1%10:80`, `/Common/2001:db8::1.80`, `10.0.0.1:80`.
 */
export interface Destination {
  /** The address's folder, `/Common`; destinations always carry it, names of members never. */
  readonly folder?: string;
  /** Canonical: IPv6 in lower case and shortest form. `any` and `any6` stand for every address. */
  readonly address: string;
  readonly routeDomain?: number;
  /** 0 is any port. */
  readonly port: number;
}

export function parseDestination(text: string): Parsed<Destination> {
  const slash = text.lastIndexOf('/');
  if (slash === 0) return refused('a folder is /NAME, followed by a slash and the address');
  const rest = text.slice(slash + 1);
  // IPv6 has colons of its own, so its port stands behind a dot.
  const isSix = rest.startsWith('any6') || rest.indexOf(':') !== rest.lastIndexOf(':');
  const mark = rest.lastIndexOf(isSix ? '.' : ':');
  const port = rest.slice(mark + 1);
  if (mark < 1 || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    return refused(`"${text}" does not end in a port from 0 to 65535`);
  }
  const [given = '', routeDomain, ...more] = rest.slice(0, mark).split('%');
  const address = canonicalAddress(given);
  if (address === undefined) return refused(`"${given}" is no IP address`);
  if (more.length > 0 || (routeDomain !== undefined && !/^\d{1,5}$/.test(routeDomain))) {
    return refused(`"${text}" does not name one route domain by its number`);
  }
  return accepted({
    ...(slash < 0 ? {} : { folder: text.slice(0, slash) }),
    address,
    ...(routeDomain === undefined ? {} : { routeDomain: Number(routeDomain) }),
    port: Number(port),
  });
}

export function renderDestination({ folder, address, routeDomain, port }: Destination): string {
  const domain = routeDomain === undefined ? '' : `%${routeDomain}`;
  const mark = address === 'any6' || address.includes(':') ? '.' : ':';
  return `${folder === undefined ? '' : `${folder}/`}${address}${domain}${mark}${port}`;
}

function canonicalAddress(text: string): string | undefined {
  if (text === 'any' || text === 'any6' || isIPv4(text)) return text;
  // The URL parser writes IPv6 the way RFC 5952 asks for.
  return isIP(text) === 6 ? new URL(`https://[${text}]`).hostname.slice(1, -1) : undefined;
}
