import type { KubeObject } from '../kube/object.js';
import { liveIdentity } from './live-identity.js';

/** What the agent says of an entry's health. */
export interface Health {
  readonly healthy: boolean;
  /** CamelCase: `Proven`, `ProofFailed`. */
  readonly reason: string;
  /** One line for people. */
  readonly message: string;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly [field: string]: unknown;
}

const conditionType = 'Healthy';

/** The conditions of an entry, whoever wrote them. */
export function conditionsOf(workloadEntry: KubeObject): readonly Condition[] {
  const { conditions } = (workloadEntry['status'] ?? {}) as { conditions?: unknown };
  return Array.isArray(conditions) ? (conditions as Condition[]) : [];
}

/** Whether sidecars send callers to this entry; undefined while nobody said anything. */
export function isHealthy(workloadEntry: KubeObject): boolean | undefined {
  const condition = conditionsOf(workloadEntry).find(({ type }) => type === conditionType);
  return condition === undefined ? undefined : condition.status === 'True';
}

/**
 * The status to apply for an entry, or undefined when it says that already.
 *
 * The definition makes `conditions` a list that belongs to one manager as a whole, so those of others are carried
 * along. `lastTransitionTime` moves only when the status does.
 */
export function renderHealthStatus(live: KubeObject, health: Health, now: Date): KubeObject | undefined {
  const { healthy, reason, message } = health;
  const status = healthy ? 'True' : 'False';
  const conditions = conditionsOf(live);
  const before = conditions.find(({ type }) => type === conditionType);
  if (before?.status === status && before['reason'] === reason && before['message'] === message) {
    return undefined;
  }
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const condition: Condition = {
    type: conditionType,
    status,
    reason,
    message,
    lastProbeTime: time,
    lastTransitionTime: before?.status === status ? (before['lastTransitionTime'] ?? time) : time,
  };
  const { apiVersion, kind, metadata } = live;
  return {
    apiVersion,
    kind,
    metadata: liveIdentity(metadata),
    status: { conditions: [...conditions.filter(({ type }) => type !== conditionType), condition] },
  };
}
