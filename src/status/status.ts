import type { Mode } from '../allowlist/allowlist.js';
import type { ServiceCounters } from '../reconcile/read-counters.js';

/** A certificate that the virtual server was seen to serve. */
export interface ServedCertificate {
  /** SHA-256 of its DER, lower-case hex. */
  readonly sha256: string;
  /** Absent when it is no SVID. */
  readonly spiffeId?: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What is wrong, as an error of the catalogue. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly nextStep: string;
}

/** What the rule counted since the device's counters were last reset. */
export interface Calls extends Pick<ServiceCounters, 'allowed' | 'rejected' | 'wouldReject'> {
  /** From the controller, which looks again and again; nobody else knows of an hour ago. */
  readonly rejectedLastHour?: number;
}

/** How one mesh service is doing. What could not be found out is absent, never a zero. */
export interface ServiceStatus {
  readonly service: string;
  readonly device: string;
  readonly host: string;
  /** Where callers arrive: `198.51.100.20:9000`. */
  readonly listen: string;
  /** The SPIFFE ID that it should show. */
  readonly identity?: string;
  readonly served?: ServedCertificate;
  /** Why no certificate was seen. */
  readonly notServed?: string;
  /** When the controller last proved the service on the wire. */
  readonly provenAt?: Date;
  readonly allowlist?: { readonly allow: number; readonly deny: number; readonly mode: Mode };
  readonly calls?: Calls;
  /** What `apply` would change, an object a line; empty when there is nothing. */
  readonly drift?: readonly string[];
  readonly troubles: readonly Trouble[];
}

/** One word for all of it. */
export type Health = 'ok' | 'drift' | 'bad' | 'unknown';

/**
 * - `bad`: something went wrong, or another certificate is served than there should be
 * - `unknown`: what is served could not be seen
 * - `drift`: all is well, and `apply` would change something
 */
export function healthOf(status: ServiceStatus, now: Date): Health {
  const { served, troubles, identity, drift } = status;
  if (troubles.length > 0) return 'bad';
  if (served === undefined) return 'unknown';
  if (served.spiffeId !== identity || now >= served.notAfter || now < served.notBefore) return 'bad';
  return drift !== undefined && drift.length > 0 ? 'drift' : 'ok';
}
