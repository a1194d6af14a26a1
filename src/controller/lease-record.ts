import { kinds } from '../kube/kinds.js';
import type { KubeObject } from '../kube/object.js';

/** Of every Lease that the agent makes; one that lacks them is somebody else's. */
export const leaseLabels = { 'app.kubernetes.io/managed-by': 'bigip-mesh-agent' };

/** What a Lease says (coordination.k8s.io/v1, `LeaseSpec`). */
export interface LeaseRecord {
  /** Empty after a release. */
  readonly holder: string;
  readonly durationMs: number;
  readonly transitions: number;
  readonly acquireTime: string;
}

/** Reads a Lease; what is missing or strange counts as held by nobody. */
export function parseLease(lease: KubeObject): LeaseRecord {
  const spec = (lease['spec'] ?? {}) as Record<string, unknown>;
  const { holderIdentity, leaseDurationSeconds, leaseTransitions, acquireTime } = spec;
  return {
    holder: typeof holderIdentity === 'string' ? holderIdentity : '',
    durationMs: typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds * 1000 : 0,
    transitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
    acquireTime: typeof acquireTime === 'string' ? acquireTime : '',
  };
}

/**
 * The Lease to write.
 *
 * @param before as it was read, whose version the write is bound to; absent: it is to be created
 */
export function renderLease(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { holder, durationMs, transitions, acquireTime }: LeaseRecord,
  now: Date,
  before?: KubeObject,
): KubeObject {
  const spec = {
    holderIdentity: holder,
    leaseDurationSeconds: Math.max(1, Math.round(durationMs / 1000)),
    acquireTime,
    renewTime: microTime(now),
    leaseTransitions: transitions,
  };
  if (before !== undefined) return { ...before, spec };
  const { apiVersion, kind } = kinds.lease;
  return { apiVersion, kind, metadata: { namespace, name, labels: leaseLabels }, spec };
}

/** A `MicroTime` of meta/v1: RFC 3339 with six digits. */
export function microTime(date: Date): string {
  return date.toISOString().replace(/Z$/, '000Z');
}
