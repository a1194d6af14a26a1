import type { AgentError } from '../../errors.js';
import type { RevocationState } from './plan-revocation.js';

/** CRLs as data, for the status ConfigMap and for `--output json`; undefined where there are none and all is well. Pure. */
export function renderRevocation(state: RevocationState | undefined) {
  if (state === undefined) return undefined;
  const { file, nextUpdate, lists } = state;
  const problems = problemsOf(state).map(({ code, message, nextStep }) => ({ code, message, nextStep }));
  if (file === undefined && problems.length === 0) return undefined;
  const rendered = lists.map(({ issuer, thisUpdate, nextUpdate: until, revoked }) => ({
    issuer,
    thisUpdate: thisUpdate.toISOString(),
    ...(until === undefined ? {} : { nextUpdate: until.toISOString() }),
    revoked,
  }));
  return {
    ...(file === undefined ? {} : { file }),
    ...(nextUpdate === undefined ? {} : { nextUpdate: nextUpdate.toISOString() }),
    ...(rendered.length === 0 ? {} : { lists: rendered }),
    ...(problems.length === 0 ? {} : { problems }),
  };
}

/** `CRLs ca_crl_0123456789ab.crl are in force: O=Istio, CN=Root CA revokes 2` */
export function describeRevocation({ file, lists }: RevocationState): string {
  if (file === undefined) return 'no CRL is in force: the mesh publishes none';
  const named = lists.map(({ issuer, revoked }) => `${issuer} revokes ${revoked}`);
  return `CRLs ${file} are in force${named.length === 0 ? '' : `: ${named.join('; ')}`}`;
}

/** What keeps the mesh's word from being in force, and what is wrong with what is. */
export function problemsOf({ refusals, warnings }: RevocationState): readonly AgentError[] {
  return [...refusals, ...warnings];
}
