import type { RootState } from './plan-roots.js';

/** A root as data, for the status ConfigMap and for `--output json`. Pure. */
export function renderRoot({ sha256, subject, notAfter, stage, since, services, sentence }: RootState) {
  return {
    sha256,
    subject,
    stage,
    since: since.toISOString(),
    notAfter: notAfter.toISOString(),
    ...(services.length === 0 ? {} : { servedBy: services }),
    note: sentence,
  };
}
