import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../clock.js';
import { AgentError } from '../../errors.js';
import { ClientSslProfile } from './client-ssl-profile.js';
import type { ClientSslConfiguration, VirtualServerConfiguration } from './configuration.js';
import { SessionStore } from './session-store.js';

/** The client SSL profiles of a data plane: versions of one profile share its sessions. */
export class ClientSslProfiles {
  readonly #clock: Clock;
  /** By the profile's full path. */
  readonly #sessions = new Map<string, SessionStore>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * What a virtual server is to serve TLS with; the current version itself where nothing about it has changed.
   *
   * @throws AgentError MESH_ERR_MOCK_CLIENT_SSL
   */
  versionFor(
    { clientSsl, fullPath }: VirtualServerConfiguration,
    current: ClientSslProfile | undefined,
  ): ClientSslProfile | undefined {
    if (clientSsl === undefined) return undefined;
    if (current !== undefined && isSameProfile(current.configuration, clientSsl)) return current;
    let sessions = this.#sessions.get(clientSsl.fullPath);
    if (sessions === undefined) {
      sessions = new SessionStore(this.#clock);
      this.#sessions.set(clientSsl.fullPath, sessions);
    }
    try {
      return new ClientSslProfile(clientSsl, sessions, this.#clock);
    } catch {
      throw new AgentError(
        'MESH_ERR_MOCK_CLIENT_SSL',
        `virtual server ${fullPath}: TLS cannot be served with the certificate and key of ${clientSsl.fullPath}`,
        'look at the certificate, key and chain of the profile',
      );
    }
  }
}

/** Equal in every value; keys are compared by what they reveal. */
function isSameProfile(a: ClientSslConfiguration, b: ClientSslConfiguration): boolean {
  return isDeepStrictEqual(revealed(a), revealed(b));
}

function revealed(profile: ClientSslConfiguration): unknown {
  const certKeyChain = profile.certKeyChain.map(({ keyPem, passphrase, ...files }) => ({
    ...files,
    keyPem: keyPem.reveal(),
    passphrase: passphrase?.reveal(),
  }));
  return { ...profile, certKeyChain };
}
