import type { RootState } from '../reconcile/root-rotation/plan-roots.js';
import type { NotARoot } from '../spiffe/trust-bundle.js';
import type { ConfigMapEvent } from './event-recorder.js';
import type { Metrics } from './metrics.js';

/** What became of roots since the reconcile before, a line a root. Pure. */
export function rootNews(
  before: readonly RootState[] | undefined,
  after: readonly RootState[] | undefined,
): string[] {
  if (before === undefined || after === undefined) return [];
  const stages = new Map(before.map(({ sha256, stage }) => [sha256, stage]));
  return after
    .filter(({ sha256, stage }) => stages.get(sha256) !== stage)
    .map(
      ({ sha256, subject, stage, sentence }) =>
        `root ${sha256.slice(0, 12)} (${subject}) ${stage}: ${sentence}`,
    );
}

/** Told on the status: a root is of no service in particular. Pure. */
export function rootEvents(
  device: string,
  configMap: ConfigMapEvent['configMap'],
  news: readonly string[],
  at: Date,
): ConfigMapEvent[] {
  return news.map((line) => ({
    configMap,
    reason: 'RootRotation',
    subject: `${device} ${line} ${at.toISOString()}`,
    note: `on device ${device}, ${line}`,
  }));
}

/** Told on the status, as long as it is so. Pure. */
export function setAsideEvents(
  device: string,
  configMap: ConfigMapEvent['configMap'],
  setAside: readonly NotARoot[],
): ConfigMapEvent[] {
  return setAside.map(({ origin, subject, reason }) => ({
    configMap,
    reason: 'RootSetAside',
    subject: JSON.stringify([device, origin, subject, reason]),
    note: `${subject === '' ? 'a certificate without a subject' : subject} in ${origin} is ${reason} and was set aside; device ${device} has the other roots`,
  }));
}

/** Shows how many roots are how far, and when the mesh needs a new one. */
export function measureRoots(
  metrics: Metrics,
  device: string,
  roots: readonly RootState[] | undefined,
): void {
  if (roots === undefined) return;
  for (const stage of ['added', 'accepted', 'retiring'] as const) {
    metrics.set('bigip_mesh_roots', { device, stage }, roots.filter((root) => root.stage === stage).length);
  }
  const named = roots.filter(({ stage }) => stage === 'added' || stage === 'accepted');
  const [first] = named.map(({ notAfter }) => notAfter).toSorted((a, b) => a.getTime() - b.getTime());
  if (first !== undefined) metrics.stamp('bigip_mesh_root_not_after_timestamp_seconds', { device }, first);
}
