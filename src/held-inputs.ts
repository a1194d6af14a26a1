import { AgentError } from './errors.js';
import type { IdentitySource } from './identity/identity-source.js';
import type { MeshFacts } from './mesh/mesh-facts.js';
import type { Registrar } from './reconcile/run-once.js';
import type { TrustBundle } from './spiffe/trust-bundle.js';

/** What a device was last reconciled by, of what the API server tells: for a time in which nobody can ask it. */
export class HeldInputs {
  #meshFacts: MeshFacts | undefined;
  #trustBundle: TrustBundle | undefined;

  /** The same source, whose roots are kept. @param mayFallBack gives those of before where it has none now */
  listen(source: IdentitySource, mayFallBack: boolean): IdentitySource {
    return {
      name: source.name,
      canImpersonate: source.canImpersonate,
      mintsKeys: source.mintsKeys,
      fetchSvid: (request, signal) => source.fetchSvid(request, signal),
      fetchTrustBundle: async (signal) => {
        try {
          this.#trustBundle = await source.fetchTrustBundle(signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!mayFallBack || !(error instanceof AgentError) || this.#trustBundle === undefined) throw error;
        }
        return this.#trustBundle;
      },
    };
  }

  /** Those that everything on the device was brought in line with. */
  noteMeshFacts(meshFacts: MeshFacts): void {
    this.#meshFacts = meshFacts;
  }

  /** @throws AgentError MESH_ERR_NOT_LEADER when the device was never brought in line with any */
  requireMeshFacts(): MeshFacts {
    if (this.#meshFacts !== undefined) return this.#meshFacts;
    throw new AgentError(
      'MESH_ERR_NOT_LEADER',
      'the device was never as it should be since this replica leads it, so there is nothing to keep it at',
      'let the agent reach the Kubernetes API server',
    );
  }
}

/** For a time in which the cluster cannot be written to: what a proof says is brought there after a later one. */
export const absentRegistrar: Registrar = {
  register: () => Promise.resolve(),
  drain: () => Promise.resolve(),
};
