import type { KeyObject, X509Certificate } from 'node:crypto';

import { issueCertificate } from '../pki/issue-certificate.js';
import type { CertificateTemplate } from '../pki/issue-certificate.js';
import { generateKeyPair } from '../pki/key-pair.js';
import type { KeyType } from '../pki/key-pair.js';
import { Secret } from '../secret.js';
import { parseSpiffeId } from '../spiffe/spiffe-id.js';
import { renderCertificatesPem, Svid } from '../spiffe/svid.js';
import { TrustBundle } from '../spiffe/trust-bundle.js';

const hourMs = 3_600_000;
const caLifetimeMs = 3650 * 24 * hourMs;
const clockSkewMs = 120_000;

interface MeshCaOptions {
  /** When the CA is made; certificates without dates of their own count from here. */
  readonly now: Date;
  /** Of root and intermediate; Istio's recipes use rsa-4096, which takes seconds. */
  readonly keyType?: KeyType;
  /** Tells the certificates of several CAs apart in output. */
  readonly cluster?: string;
}

/** How a minted certificate departs from a good one; a field left out is as istiod makes it. */
export interface MintOptions {
  readonly now?: Date;
  readonly ttlMs?: number;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly keyType?: KeyType;
  /** Instead of the one SPIFFE ID, in this order, legal or not. */
  readonly uris?: readonly string[];
  /** DNS names before the URIs. */
  readonly dnsNames?: readonly string[];
  readonly isSanCritical?: boolean;
  readonly subject?: CertificateTemplate['subject'];
  readonly isCa?: boolean;
  readonly keyUsages?: CertificateTemplate['keyUsages'] | 'absent';
  readonly extendedKeyUsages?: CertificateTemplate['extendedKeyUsages'] | 'absent';
  readonly signer?: 'intermediate' | 'root' | 'itself';
}

interface Authority {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

/**
 * A mesh CA in memory, shaped like Istio's plugged-in CA: a root, an intermediate with path length 0 that signs, and
 * the data of the `cacerts` secret. It mints good callers and every kind of bad one in one call.
 */
export class MeshCa {
  readonly #root: Authority;
  readonly #intermediate: Authority;
  readonly #now: Date;
  readonly #keyType: KeyType;
  readonly #cluster: string;

  private constructor(parts: {
    root: Authority;
    intermediate: Authority;
    now: Date;
    keyType: KeyType;
    cluster: string;
  }) {
    this.#root = parts.root;
    this.#intermediate = parts.intermediate;
    this.#now = parts.now;
    this.#keyType = parts.keyType;
    this.#cluster = parts.cluster;
  }

  static async create(options: MeshCaOptions): Promise<MeshCa> {
    const { now, keyType = 'ec-p256', cluster = 'cluster1' } = options;
    const root = await makeAuthority({ now, keyType, commonName: 'Root CA', cluster });
    const intermediate = await makeAuthority({ now, keyType, commonName: 'Intermediate CA', cluster }, root);
    return new MeshCa({ root, intermediate, now, keyType, cluster });
  }

  /** The same root with a new intermediate, as after a rotation of the signing certificate. */
  async withNewIntermediate(now: Date): Promise<MeshCa> {
    const settings = { now, keyType: this.#keyType, cluster: this.#cluster };
    const intermediate = await makeAuthority({ ...settings, commonName: 'Intermediate CA' }, this.#root);
    return new MeshCa({ root: this.#root, intermediate, ...settings });
  }

  get rootCertificate(): X509Certificate {
    return this.#root.certificate;
  }

  get intermediateCertificate(): X509Certificate {
    return this.#intermediate.certificate;
  }

  /** `root-cert.pem`, as istiod publishes it in the ConfigMap `istio-ca-root-cert`. */
  get rootPem(): string {
    return renderCertificatesPem([this.#root.certificate]);
  }

  get trustBundle(): TrustBundle {
    return TrustBundle.of([{ origin: 'mesh CA', certificates: [this.#root.certificate] }]);
  }

  /** The data of the secret `cacerts`, values not in base64; the chain holds the root, as `tools/certs` writes it. */
  cacertsData(): Secret<Readonly<Record<string, Buffer>>> {
    const { certificate, privateKey } = this.#intermediate;
    return new Secret({
      'ca-cert.pem': Buffer.from(renderCertificatesPem([certificate])),
      'ca-key.pem': Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      'cert-chain.pem': Buffer.from(renderCertificatesPem([certificate, this.#root.certificate])),
      'root-cert.pem': Buffer.from(this.rootPem),
    });
  }

  /**
   * Mints a caller's certificate and key.
   *
   * @param spiffeId the text of a legal SPIFFE ID; for an illegal one give `uris` besides.
   */
  async mint(spiffeId: string, options: MintOptions = {}): Promise<Svid> {
    const parsed = parseSpiffeId(spiffeId);
    if (!parsed.ok) throw new TypeError(`${spiffeId} is no SPIFFE ID: ${parsed.reason}`);
    const now = options.now ?? this.#now;
    const { publicKey, privateKey } = await generateKeyPair(options.keyType ?? 'ec-p256');
    const { keyUsages = ['digitalSignature', 'keyEncipherment'] as const } = options;
    const { extendedKeyUsages = ['serverAuth', 'clientAuth'] as const } = options;
    const template: CertificateTemplate = {
      subject: options.subject ?? [],
      publicKey,
      notBefore: options.notBefore ?? new Date(now.getTime() - clockSkewMs),
      notAfter: options.notAfter ?? new Date(now.getTime() + (options.ttlMs ?? 24 * hourMs)),
      ...(keyUsages === 'absent' ? {} : { keyUsages }),
      ...(extendedKeyUsages === 'absent' ? {} : { extendedKeyUsages }),
      basicConstraints: { ca: options.isCa ?? false },
      subjectAltNames: {
        isCritical: options.isSanCritical ?? true,
        names: [
          ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
          ...(options.uris ?? [spiffeId]).map((value) => ({ type: 'uri' as const, value })),
        ],
      },
    };
    const { signer = 'intermediate' } = options;
    const authority = signer === 'root' ? this.#root : this.#intermediate;
    const leaf = issueCertificate(template, signer === 'itself' ? { privateKey } : authority);
    const chain = signer === 'intermediate' ? [this.#intermediate.certificate] : [];
    return new Svid({ spiffeId: parsed.value, leaf, chain, privateKey });
  }
}

/** Without an issuer a root; with one an intermediate, as Istio's `tools/certs` makes it. */
async function makeAuthority(
  options: { now: Date; keyType: KeyType; commonName: string; cluster: string },
  issuer?: Authority,
): Promise<Authority> {
  const { publicKey, privateKey } = await generateKeyPair(options.keyType);
  const certificate = issueCertificate(
    {
      subject: [
        { type: 'organization', value: 'Istio' },
        { type: 'commonName', value: options.commonName },
        { type: 'locality', value: options.cluster },
      ],
      publicKey,
      notBefore: new Date(options.now.getTime() - clockSkewMs),
      notAfter: new Date(options.now.getTime() + caLifetimeMs),
      keyUsages: ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'keyCertSign'],
      basicConstraints: issuer === undefined ? { ca: true } : { ca: true, pathLength: 0 },
      hasSubjectKeyIdentifier: true,
      ...(issuer === undefined
        ? {}
        : {
            subjectAltNames: {
              isCritical: false,
              names: [{ type: 'dns', value: 'istiod.istio-system.svc' }],
            },
          }),
    },
    issuer ?? { privateKey },
  );
  return { certificate, privateKey };
}
