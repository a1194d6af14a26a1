import type { X509Certificate } from 'node:crypto';
import type { IdentitySource } from '../../identity/identity-source.js';
import { listenTo } from '../../identity/listened-source.js';
import { parseRevocationListsPem } from '../../pki/certificate-revocation-list.js';
import { certificateFingerprint } from '../../spiffe/svid.js';

export type ParsedRevocationLists = ReturnType<typeof parseRevocationListsPem>;

/**
 * What a process remembers for the CRLs of the mesh: the last text as it was parsed, because lists may be long, and the
 * intermediate CAs that came with certificates of the mesh since the process started.
 *
 * Those stand in no ConfigMap, and a BIG-IP does not give the chain files back that it holds; without them nobody can
 * tell whether an intermediate's CRL is genuine.
 */
export class RevocationMemory {
  readonly #all = new Map<string, X509Certificate>();
  #asked: string | undefined;
  #latest: readonly X509Certificate[] | undefined;
  #parsed: { readonly pem: string; readonly lists: ParsedRevocationLists } | undefined;

  /** As `parseRevocationListsPem`. */
  parse(pem: string): ParsedRevocationLists {
    if (this.#parsed?.pem !== pem) this.#parsed = { pem, lists: parseRevocationListsPem(pem) };
    return this.#parsed.lists;
  }

  /** Every intermediate that was heard of. */
  get all(): readonly X509Certificate[] {
    return [...this.#all.values()];
  }

  /** Those of the last certificate; undefined before the first, which is not the same as none. */
  get latest(): readonly X509Certificate[] | undefined {
    return this.#latest;
  }

  /** True once for a text: what a certificate that is asked for does not clear up, the next one will not either. */
  mayAskFor(text: string): boolean {
    if (this.#asked === text) return false;
    this.#asked = text;
    return true;
  }

  /** Nobody answered: it may be asked for again. */
  askAgain(): void {
    this.#asked = undefined;
  }

  /** The same source, listened to. */
  listen(source: IdentitySource): IdentitySource {
    return listenTo(source, ({ svid }) => {
      this.#latest = svid.chain;
      for (const certificate of svid.chain) this.#all.set(certificateFingerprint(certificate), certificate);
    });
  }
}
