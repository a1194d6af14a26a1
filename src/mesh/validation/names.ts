import { isIP } from 'node:net';

/** As Istio reads labels of names: upper case is allowed (I:pkg/config/labels/instance.go). */
const dnsLabel = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const wildcardLabel = /^(?:\*|(?:\*|\*-)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)$/;

export function isDnsLabel(text: string): boolean {
  return dnsLabel.test(text);
}

/** A `refuse...` of this file returns the refusal in Istio's words, or undefined. A fully qualified name without a wildcard; a trailing dot is allowed. */
export function refuseFqdn(name: string): string | undefined {
  return refuseLength(name) ?? refuseLabels(name, name);
}

/** A name whose first label may be `*`, or begin with `*` or `*-`. */
export function refuseWildcardDomain(domain: string): string | undefined {
  const tooLong = refuseLength(domain);
  if (tooLong !== undefined) return tooLong;
  const dot = domain.indexOf('.');
  const first = dot === -1 ? domain : domain.slice(0, dot);
  if (first.length > 63 || !wildcardLabel.test(first)) {
    return `domain name "${domain}" invalid (label "${first}" invalid)`;
  }
  return dot === -1 ? undefined : refuseLabels(domain.slice(dot + 1), domain);
}

/** `*foo.example.com` is taken and matches as `*.example.com` does not, which surprises. */
export function isPartialWildcard(domain: string): boolean {
  return domain.startsWith('*') && domain !== '*' && !domain.startsWith('*.');
}

export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0;
}

/** An address or a CIDR range. */
export function refuseIpSubnet(text: string): string | undefined {
  if (!text.includes('/')) {
    return isIpAddress(text) && !text.includes('%') ? undefined : `"${text}" is not a valid IP address`;
  }
  return isCidr(text) ? undefined : `"${text}" is not a valid CIDR block`;
}

export function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || address.includes('%') || rest.length > 0) return false;
  return /^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

export function refusePort(port: unknown): string | undefined {
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535
    ? undefined
    : `Invalid value: port number ${JSON.stringify(port)} must be in the range 1..65535 (port must be between 1-65535)`;
}

export function refusePortName(name: string): string | undefined {
  return isDnsLabel(name) ? undefined : `invalid port name: ${name}`;
}

const units = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Reads a duration as Go does (`1.5s`, `2m30s`); undefined when it is none. */
export function durationMs(text: string): number | undefined {
  if (/^[-+]?0$/.test(text)) return 0;
  if (!/^[-+]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * units[unit as keyof typeof units];
  }
  return text.startsWith('-') ? -total : total;
}

export function refuseDuration(text: string): string | undefined {
  const ms = durationMs(text);
  if (ms === undefined || ms < 1) {
    return `Invalid value: must be a valid duration greater than 1ms ("${text}")`;
  }
  return undefined;
}

function refuseLength(name: string): string | undefined {
  if (name === '') return 'empty domain name not allowed';
  return name.length > 255 ? 'domain name too long (max 255)' : undefined;
}

function refuseLabels(labels: string, domain: string): string | undefined {
  const parts = labels.split('.');
  const last = parts.at(-1) ?? '';
  if (/^[-+]?\d+$/.test(last)) {
    return `domain name "${domain}" invalid (top level domain "${last}" cannot be all-numeric)`;
  }
  const bad = parts.find(
    (label, index) => !isDnsLabel(label) && !(label === '' && index === parts.length - 1),
  );
  return bad === undefined ? undefined : `domain name "${domain}" invalid (label "${bad}" invalid)`;
}
