import type { IdentitySource } from '../../identity/identity-source.js';
import { listenTo } from '../../identity/listened-source.js';
import { unionOf } from '../../identity/mesh-roots.js';
import type { TrustBundle } from '../../spiffe/trust-bundle.js';

/**
 * What the mesh CA named as its roots when it last was asked.
 *
 * A CA that changes its root says so in its answers before the mesh publishes it, and also the answers that the callers
 * of a proof are made of say it: their certificates are worth nothing on a device that does not know the root.
 */
export class HeardRoots {
  #heard: TrustBundle | undefined;
  #isUsed = false;

  /**
   * What the answers since the last use named, or those before where there were none since: a use may come to nothing.
   *
   * @returns undefined when the CA was never asked
   */
  use(): TrustBundle | undefined {
    this.#isUsed = true;
    return this.#heard;
  }

  /** The same source, listened to. */
  listen(source: IdentitySource): IdentitySource {
    return listenTo(source, ({ answered }) => {
      if (answered !== undefined) this.#hear(answered);
    });
  }

  #hear(answered: TrustBundle): void {
    this.#heard = this.#heard === undefined || this.#isUsed ? answered : unionOf([this.#heard, answered]);
    this.#isUsed = false;
  }
}
