import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';

import { loadPackageDefinition, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { Metadata, sendUnaryData, ServerUnaryCall, ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Sequence } from 'asn1js';
import { CertificationRequest, Extensions, GeneralNames } from 'pkijs';

import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/clock.js';
import type { MeshCa } from '../../src/demo/mesh-ca.js';
import { issueCertificate } from '../../src/pki/issue-certificate.js';
import { repositoryRoot } from './shared-data.js';
import type { Reviewed, ReviewToken } from './token-review.js';

/**
 * - `istiod`: looks at the key of a request and at nothing else of it; long lifetimes are refused
 * - `istio-csr`: refuses every name and extension that is not the caller's own; long lifetimes are cut; the
 *   certificate has no KeyUsage, because cert-manager is not asked for one
 */
type Flavour = 'istiod' | 'istio-csr';

export interface MeshCaServerOptions {
  readonly ca: MeshCa;
  readonly reviewToken: ReviewToken;
  readonly flavour?: Flavour;
  readonly trustDomain?: string;
  /** Whether the port has the CA service at all, as 15010 has not. */
  readonly hasCaService?: boolean;
  readonly clock?: Clock;
}

/** One call as it came, without its token. */
interface CaCall {
  readonly clusterId: string | undefined;
  readonly certSigner: string | undefined;
  readonly validitySeconds: number;
  /** The client's address and port: calls of one connection share it. */
  readonly peer: string;
}

interface CertificateRequest {
  readonly csr: string;
  readonly validity_duration: string;
  readonly metadata?: { readonly fields: Readonly<Record<string, { readonly stringValue?: string }>> };
}

interface CertificateResponse {
  cert_chain: string[];
}

class CallRefused extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

const audience = 'istio-ca';
const maxTtlSeconds: Readonly<Record<Flavour, number>> = { istiod: 2160 * 3600, 'istio-csr': 3600 };
const serverNames: Readonly<Record<Flavour, string>> = {
  istiod: 'istiod.istio-system.svc',
  'istio-csr': 'cert-manager-istio-csr.cert-manager.svc',
};
const knownCluster = 'Kubernetes';
const clockSkewMs = 120_000;

/**
 * A mesh CA on a port of 127.0.0.1, as istiod and istio-csr answer on the wire.
 *
 * Sources: istio/istio:security/pkg/server/ca/server.go, security/pkg/pki/ca/ca.go, security/pkg/pki/error/error.go;
 * cert-manager/istio-csr:pkg/server/auth.go, pkg/server/internal/extensions.
 */
export class MeshCaServer {
  readonly calls: CaCall[] = [];
  readonly #options: MeshCaServerOptions;
  readonly #flavour: Flavour;
  readonly #clock: Clock;
  readonly #server = new Server();
  #port = 0;
  #ca: MeshCa;
  #roots: readonly MeshCa[];
  #failures: { code: status; message: string }[] = [];
  #bend: (certChain: string[]) => string[] = (certChain) => certChain;

  private constructor(options: MeshCaServerOptions) {
    this.#options = options;
    this.#flavour = options.flavour ?? 'istiod';
    this.#clock = options.clock ?? systemClock;
    this.#ca = options.ca;
    this.#roots = [options.ca];
  }

  static async start(options: MeshCaServerOptions): Promise<MeshCaServer> {
    const double = new MeshCaServer(options);
    const path = join(repositoryRoot, 'test', 'support', 'protos', 'ca.proto');
    const definition = loadSync(path, { keepCase: true, longs: String, oneofs: true });
    const { IstioCertificateService: constructor } = (
      loadPackageDefinition(definition) as unknown as {
        istio: { v1: { auth: { IstioCertificateService: ServiceClientConstructor } } };
      }
    ).istio.v1.auth;
    if (options.hasCaService !== false) {
      double.#server.addService(constructor.service, {
        CreateCertificate: (
          call: ServerUnaryCall<CertificateRequest, CertificateResponse>,
          callback: sendUnaryData<CertificateResponse>,
        ) => {
          void double.#respond(call, callback);
        },
      });
    }
    const serving = await options.ca.mint('spiffe://cluster.local/ns/istio-system/sa/istiod', {
      dnsNames: [serverNames[double.#flavour]],
      // Both ends of a TLS connection look at the real time.
      now: systemClock.now(),
    });
    const tls = ServerCredentials.createSsl(null, [
      {
        cert_chain: Buffer.from(serving.renderLeafPem() + serving.renderChainPem()),
        private_key: Buffer.from(serving.renderKeyPem().reveal()),
      },
    ]);
    double.#port = await new Promise<number>((resolve, reject) => {
      double.#server.bindAsync('127.0.0.1:0', tls, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return double;
  }

  /** `127.0.0.1:43211` */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** What its own certificate is for. */
  get serverName(): string {
    return serverNames[this.#flavour];
  }

  /** From now on another CA signs; `roots` is what goes with each certificate, as `root-cert.pem` does. */
  signWith(ca: MeshCa, roots: readonly MeshCa[] = [ca]): void {
    this.#ca = ca;
    this.#roots = roots;
  }

  /** The next calls fail, one with each of these. */
  failNext(...failures: readonly { readonly code: status; readonly message: string }[]): void {
    this.#failures.push(...failures);
  }

  /** Changes every answer on its way out. */
  bendAnswers(bend: (certChain: string[]) => string[]): void {
    this.#bend = bend;
  }

  close(): Promise<void> {
    this.#server.forceShutdown();
    return Promise.resolve();
  }

  async #respond(
    call: ServerUnaryCall<CertificateRequest, CertificateResponse>,
    callback: sendUnaryData<CertificateResponse>,
  ): Promise<void> {
    try {
      callback(null, await this.#answer(call));
    } catch (error) {
      const code = error instanceof CallRefused ? error.code : status.UNKNOWN;
      callback({ code, details: error instanceof Error ? error.message : 'unknown error' });
    }
  }

  async #answer(
    call: ServerUnaryCall<CertificateRequest, CertificateResponse>,
  ): Promise<CertificateResponse> {
    const { csr, validity_duration: validity, metadata } = call.request;
    this.calls.push({
      clusterId: headerOf(call.metadata, 'clusterid'),
      certSigner: metadata?.fields['CertSigner']?.stringValue,
      validitySeconds: Number(validity),
      peer: call.getPeer(),
    });
    const failure = this.#failures.shift();
    if (failure !== undefined) throw new CallRefused(failure.code, failure.message);
    const caller = await this.#authenticate(call.metadata);
    const { trustDomain = 'cluster.local' } = this.#options;
    const spiffeId = `spiffe://${trustDomain}/ns/${caller.namespace}/sa/${caller.serviceAccount}`;
    const publicKey = await this.#readRequest(csr, spiffeId);
    const certChain = this.#sign(publicKey, spiffeId, Number(validity));
    return { cert_chain: this.#bend(certChain) };
  }

  async #authenticate(metadata: Metadata): Promise<Reviewed> {
    const refused = new CallRefused(status.UNAUTHENTICATED, 'request authenticate failure');
    const token = /^Bearer (.+)$/.exec(headerOf(metadata, 'authorization') ?? '')?.[1];
    const clusterId = headerOf(metadata, 'clusterid') ?? '';
    if (token === undefined || (clusterId !== '' && clusterId !== knownCluster)) throw refused;
    const caller = await this.#options.reviewToken(token, [audience]);
    if (caller === undefined) throw refused;
    return caller;
  }

  async #readRequest(pem: string, spiffeId: string): Promise<KeyObject> {
    const csr = parseRequest(pem);
    if (csr === undefined || !(await csr.verify())) {
      throw new CallRefused(status.INVALID_ARGUMENT, 'CSR signing error (CSR_ERROR: cannot parse CSR)');
    }
    if (this.#flavour === 'istio-csr' && !asksForItselfAlone(csr, spiffeId)) {
      throw new CallRefused(status.UNAUTHENTICATED, 'request authenticate failure');
    }
    const der = Buffer.from(csr.subjectPublicKeyInfo.toSchema().toBER());
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  }

  #sign(publicKey: KeyObject, spiffeId: string, validitySeconds: number): string[] {
    const mostSeconds = maxTtlSeconds[this.#flavour];
    if (this.#flavour === 'istiod' && validitySeconds > mostSeconds) {
      throw new CallRefused(
        status.INVALID_ARGUMENT,
        `CSR signing error (TTL_ERROR: requested TTL ${validitySeconds}s is greater than the max allowed TTL ${mostSeconds}s)`,
      );
    }
    const seconds = this.#flavour === 'istiod' && validitySeconds <= 0 ? 24 * 3600 : validitySeconds;
    const now = this.#clock.now().getTime();
    const data = this.#ca.cacertsData().reveal();
    const certificate = this.#ca.intermediateCertificate;
    const signerEnd = new Date(certificate.validTo).getTime();
    if (signerEnd <= now) {
      throw new CallRefused(
        status.INTERNAL,
        'CSR signing error (CERT_GEN_ERROR: the signing certificate has expired)',
      );
    }
    const leaf = issueCertificate(
      {
        subject: [],
        publicKey,
        notBefore: new Date(now - clockSkewMs),
        notAfter: new Date(Math.min(now + Math.min(seconds, mostSeconds) * 1000, signerEnd)),
        ...(this.#flavour === 'istiod' ? { keyUsages: ['digitalSignature', 'keyEncipherment'] } : {}),
        extendedKeyUsages: ['serverAuth', 'clientAuth'],
        basicConstraints: { ca: false },
        subjectAltNames: { isCritical: true, names: [{ type: 'uri', value: spiffeId }] },
      },
      { certificate, privateKey: createPrivateKey(data['ca-key.pem'] ?? Buffer.alloc(0)) },
    );
    return [leaf.toString(), certificate.toString(), this.#roots.map(({ rootPem }) => rootPem).join('')];
  }
}

function headerOf(metadata: Metadata, name: string): string | undefined {
  return metadata.get(name)[0]?.toString();
}

function parseRequest(pem: string): CertificationRequest | undefined {
  const body = /-----BEGIN CERTIFICATE REQUEST-----([\s\S]+)-----END CERTIFICATE REQUEST-----/.exec(pem)?.[1];
  try {
    return body === undefined ? undefined : CertificationRequest.fromBER(Buffer.from(body, 'base64'));
  } catch {
    return undefined;
  }
}

function asksForItselfAlone(csr: CertificationRequest, spiffeId: string): boolean {
  if (csr.subject.typesAndValues.length > 0) return false;
  const extensions = (csr.attributes ?? []).flatMap(
    ({ values }) => new Extensions({ schema: values[0] as Sequence }).extensions,
  );
  const names = extensions.flatMap(({ extnID, extnValue }) =>
    extnID === '2.5.29.17' ? GeneralNames.fromBER(extnValue.valueBlock.valueHexView).names : [],
  );
  const allowed = ['2.5.29.17', '2.5.29.15', '2.5.29.37'];
  return (
    extensions.every(({ extnID }) => allowed.includes(extnID)) &&
    names.length === 1 &&
    names.every(({ type, value }) => type === 6 && value === spiffeId)
  );
}
