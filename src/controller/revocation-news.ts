import type { AgentError, ErrorCode } from '../errors.js';
import type { RevocationState } from '../reconcile/revocation/plan-revocation.js';
import { describeRevocation, problemsOf } from '../reconcile/revocation/render-revocation.js';
import type { ConfigMapEvent } from './event-recorder.js';
import type { Metrics } from './metrics.js';

const codes = [
  'MESH_ERR_CRL_EXPIRED',
  'MESH_ERR_CRL_INCOMPLETE',
  'MESH_ERR_CRL_REFUSED',
  'MESH_ERR_CRL_UNKNOWN',
] as const satisfies readonly ErrorCode[];

/** What became of the CRLs since the reconcile before. */
interface RevocationNews {
  /** What is in force now, where that is another file. */
  readonly change?: string;
  /** What is wrong, and was not before. */
  readonly problems: readonly AgentError[];
}

/** Pure. */
export function revocationNews(
  before: RevocationState | undefined,
  after: RevocationState | undefined,
): RevocationNews {
  if (after === undefined) return { problems: [] };
  const known = new Set((before === undefined ? [] : problemsOf(before)).map(({ message }) => message));
  const isChanged = before !== undefined && before.file !== after.file;
  return {
    ...(isChanged ? { change: describeRevocation(after) } : {}),
    problems: problemsOf(after).filter(({ message }) => !known.has(message)),
  };
}

/** Told on the status: CRLs are of no service in particular. What goes on is told again, once an hour. Pure. */
export function revocationEvents(
  device: string,
  configMap: ConfigMapEvent['configMap'],
  { change }: RevocationNews,
  state: RevocationState | undefined,
): ConfigMapEvent[] {
  const changed: ConfigMapEvent[] =
    change === undefined
      ? []
      : [
          {
            configMap,
            reason: 'RevocationListsChanged',
            subject: `${device} ${change}`,
            note: `on device ${device}, ${change}`,
          },
        ];
  const wrong = (state === undefined ? [] : problemsOf(state)).map(
    ({ code, message, nextStep }): ConfigMapEvent => ({
      configMap,
      reason: 'RevocationListProblem',
      subject: `${device} ${code} ${message}`,
      note: `on device ${device}: ${message}; ${nextStep} (${code})`,
    }),
  );
  return [...changed, ...wrong];
}

/** Shows whether revocations are in force, until when they are fresh, and what is wrong with them. */
export function measureRevocation(
  metrics: Metrics,
  device: string,
  state: RevocationState | undefined,
): void {
  if (state === undefined) return;
  const { file, nextUpdate } = state;
  metrics.set('bigip_mesh_crl_in_force', { device }, file === undefined ? 0 : 1);
  metrics.set(
    'bigip_mesh_crl_next_update_timestamp_seconds',
    { device },
    nextUpdate === undefined ? 0 : nextUpdate.getTime() / 1000,
  );
  for (const code of codes) {
    const count = problemsOf(state).filter((problem) => problem.code === code).length;
    metrics.set('bigip_mesh_crl_problems', { device, code }, count);
  }
}
