import { isIPv4, isIPv6 } from 'node:net';

/** An address with an optional route domain, `10.0.0.1%10`, and a port. */
export interface Endpoint {
  /** With its route domain. */
  readonly address: string;
  readonly port: number;
}

/** Service names that devices read in place of port numbers, `any` and `*` standing for 0. */
const services: Readonly<Record<string, number>> = {
  any: 0,
  '*': 0,
  ftp: 21,
  ssh: 22,
  http: 80,
  https: 443,
  ldap: 389,
};

export function isAddress(text: string): boolean {
  return isIPv4(withoutRouteDomain(text)) || isIPv6(withoutRouteDomain(text));
}

export function withoutRouteDomain(address: string): string {
  return address.replace(/%\d+$/, '');
}

/** `10.0.0.1:80`, `2001:db8::1.80`, `any:0`: IPv6 separates the port by a dot. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const colon = /^([^:]+):([^:]+)$/.exec(text);
  const dot = /^(.*:.*)\.([^.:]+)$/.exec(text);
  const [, written = '', portText = ''] = colon ?? dot ?? [];
  const address = written === 'any' ? '0.0.0.0' : written === 'any6' ? '::' : written;
  const port = parsePort(portText);
  if (port === undefined || !isAddress(address)) return undefined;
  return { address, port };
}

export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : services[text];
  return port !== undefined && port <= 65_535 ? port : undefined;
}

export function renderEndpoint(endpoint: Endpoint): string {
  return `${endpoint.address}${endpoint.address.includes(':') ? '.' : ':'}${endpoint.port}`;
}

/** The all-ones mask of an address's family. */
export function hostMask(address: string): string {
  return isIPv6(withoutRouteDomain(address)) ? 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' : '255.255.255.255';
}

export function isWildcard(address: string): boolean {
  return ['0.0.0.0', '::'].includes(withoutRouteDomain(address));
}
