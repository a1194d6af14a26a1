import { randomBytes, sign } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';

import { issueCertificate } from '../../src/pki/issue-certificate.js';
import { certificateFacts } from '../../src/pki/certificate-facts.js';
import type { KeyUsage } from '../../src/pki/certificate-facts.js';
import { generateKeyPair } from '../../src/pki/key-pair.js';
import { Secret } from '../../src/secret.js';
import { parseSpiffeId } from '../../src/spiffe/spiffe-id.js';
import { renderCertificatesPem, Svid } from '../../src/spiffe/svid.js';
import { authorityKeyIdentifier, der, extension } from './der.js';

interface Authority {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

export interface ListOptions {
  readonly revoked?: ReadonlyArray<Pick<X509Certificate, 'serialNumber'>>;
  readonly thisUpdate?: Date;
  /** Null: the list does not say. */
  readonly nextUpdate?: Date | null;
  /** Besides the authority key identifier. */
  readonly extensions?: readonly Buffer[];
  readonly entryExtensions?: readonly Buffer[];
  /** Signs in the place of the CA's key. */
  readonly privateKey?: KeyObject;
}

const hourMs = 3_600_000;
const ecdsaSha256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'));

/** A root and an intermediate that may sign CRLs, which those of Istio's recipes (`tools/certs`) may not. */
export class RevokingCa {
  readonly root: Authority;
  readonly intermediate: Authority;
  readonly #now: Date;

  private constructor(root: Authority, intermediate: Authority, now: Date) {
    this.root = root;
    this.intermediate = intermediate;
    this.#now = now;
  }

  static async create(
    now: Date,
    name = 'revoking',
    usages: readonly KeyUsage[] = ['cRLSign'],
  ): Promise<RevokingCa> {
    const root = await makeAuthority(`${name} root`, now, usages);
    return new RevokingCa(root, await makeAuthority(`${name} intermediate`, now, usages, root), now);
  }

  /** The same root with another intermediate. */
  async withNewIntermediate(name: string): Promise<RevokingCa> {
    const intermediate = await makeAuthority(name, this.#now, ['cRLSign'], this.root);
    return new RevokingCa(this.root, intermediate, this.#now);
  }

  get rootPem(): string {
    return renderCertificatesPem([this.root.certificate]);
  }

  /** The data of the secret `cacerts`. */
  cacertsData(): Secret<Readonly<Record<string, Buffer>>> {
    const { certificate, privateKey } = this.intermediate;
    return new Secret({
      'ca-cert.pem': Buffer.from(renderCertificatesPem([certificate])),
      'ca-key.pem': Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      'cert-chain.pem': Buffer.from(renderCertificatesPem([certificate, this.root.certificate])),
      'root-cert.pem': Buffer.from(this.rootPem),
    });
  }

  async mint(spiffeId: string): Promise<Svid> {
    const parsed = parseSpiffeId(spiffeId);
    if (!parsed.ok) throw new TypeError(parsed.reason);
    const { publicKey, privateKey } = await generateKeyPair('ec-p256');
    const leaf = issueCertificate(
      {
        subject: [],
        publicKey,
        notBefore: new Date(this.#now.getTime() - 120_000),
        notAfter: new Date(this.#now.getTime() + 24 * hourMs),
        keyUsages: ['digitalSignature', 'keyEncipherment'],
        extendedKeyUsages: ['serverAuth', 'clientAuth'],
        basicConstraints: { ca: false },
        subjectAltNames: { isCritical: true, names: [{ type: 'uri', value: spiffeId }] },
      },
      this.intermediate,
    );
    return new Svid({ spiffeId: parsed.value, leaf, chain: [this.intermediate.certificate], privateKey });
  }

  /** A CRL in PEM, of an ECDSA CA. */
  listPem(signer: 'root' | 'intermediate', options: ListOptions = {}): string {
    return revocationListPem(this[signer], {
      thisUpdate: new Date(this.#now.getTime() - 60_000),
      ...options,
    });
  }
}

/** A CRL that no library had a hand in (RFC 5280 section 5.1). */
export function revocationListPem(
  { certificate, privateKey }: Authority,
  {
    revoked = [],
    thisUpdate = new Date(),
    extensions = [],
    entryExtensions = [],
    ...options
  }: ListOptions = {},
): string {
  const { nextUpdate = new Date(thisUpdate.getTime() + 24 * hourMs) } = options;
  const keyId = certificateFacts(certificate).subjectKeyIdentifier ?? Buffer.alloc(0);
  const entries = revoked.map(({ serialNumber }) =>
    der(
      0x30,
      integer(Buffer.from(serialNumber, 'hex')),
      utcTime(thisUpdate),
      ...(entryExtensions.length === 0 ? [] : [der(0x30, ...entryExtensions)]),
    ),
  );
  const tbs = der(
    0x30,
    integer(Buffer.of(1)),
    ecdsaSha256,
    subjectOf(certificate),
    utcTime(thisUpdate),
    ...(nextUpdate === null ? [] : [utcTime(nextUpdate)]),
    ...(entries.length === 0 ? [] : [der(0x30, ...entries)]),
    der(
      0xa0,
      der(
        0x30,
        authorityKeyIdentifier(der(0x80, keyId)),
        extension(Buffer.from('0603551d14', 'hex'), false, integer(randomBytes(8))),
        ...extensions,
      ),
    ),
  );
  const signature = sign('sha256', tbs, options.privateKey ?? privateKey);
  const list = der(0x30, tbs, ecdsaSha256, der(0x03, Buffer.of(0), signature));
  const lines = list.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`;
}

async function makeAuthority(
  commonName: string,
  now: Date,
  usages: readonly KeyUsage[],
  issuer?: Authority,
): Promise<Authority> {
  const { publicKey, privateKey } = await generateKeyPair('ec-p256');
  const certificate = issueCertificate(
    {
      subject: [{ type: 'commonName', value: commonName }],
      publicKey,
      notBefore: new Date(now.getTime() - 120_000),
      notAfter: new Date(now.getTime() + 3650 * 24 * hourMs),
      keyUsages: ['keyCertSign', ...usages],
      basicConstraints: issuer === undefined ? { ca: true } : { ca: true, pathLength: 0 },
      hasSubjectKeyIdentifier: true,
    },
    issuer ?? { privateKey },
  );
  return { certificate, privateKey };
}

/** The subject of a certificate that has one common name, in DER. */
function subjectOf({ subject }: X509Certificate): Buffer {
  const value = der(0x0c, Buffer.from(subject.replace(/^CN=/, '')));
  return der(0x30, der(0x31, der(0x30, Buffer.from('0603550403', 'hex'), value)));
}

function integer(bytes: Buffer): Buffer {
  const from = bytes.findIndex((octet) => octet !== 0);
  const short = from === -1 ? Buffer.of(0) : bytes.subarray(from);
  return der(0x02, ((short[0] ?? 0) & 0x80) === 0 ? short : Buffer.concat([Buffer.of(0), short]));
}

function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}
