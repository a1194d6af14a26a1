import type { Allowlist } from '../allowlist/allowlist.js';
import { AgentError } from '../errors.js';
import { limitEntries } from '../reconcile/entry-limit.js';
import type { AllowlistSource } from '../reconcile/read-allowlist.js';

/**
 * What was last read, as far as the device enforces it already: what is read cannot be known to hold still, so nobody is
 * added. A service of which the device has no whole allowlist stays as it is.
 */
export function narrowedAllowlists(source: AllowlistSource): AllowlistSource {
  return {
    read: async (service, installed, signal) => {
      if (installed === undefined) {
        throw new AgentError(
          'MESH_ERR_ALLOWLIST_UNKNOWN',
          `the allowlist of service ${service.name} is not on the device, and the one that was read last may be outdated`,
          'let the agent reach the Kubernetes API server; the service stays as it is until then',
        );
      }
      const { allowlist, problem } = await source.read(service, installed, signal);
      const limited = limitEntries(service.name, narrow(allowlist, installed), installed);
      return problem === undefined ? limited : { ...limited, problem };
    },
  };
}

/** Whom both admit, without those whom either denies; refused unless both only count. Pure. */
export function narrow(held: Allowlist, installed: Allowlist): Allowlist {
  const admitted = new Set(installed.allow.map(({ text }) => text));
  const deny = new Map([...installed.deny, ...held.deny].map((entry) => [entry.text, entry]));
  return {
    allow: held.allow.filter(({ text }) => admitted.has(text)),
    deny: [...deny.values()],
    mode: held.mode === 'audit' && installed.mode === 'audit' ? 'audit' : 'enforce',
  };
}
