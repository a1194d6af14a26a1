import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/clock.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { tokenFromFile } from '../../../src/identity/ca-token.js';
import type { ReadCaToken } from '../../../src/identity/ca-token.js';
import type { FetchedSvid, SvidRequest } from '../../../src/identity/identity-source.js';
import { IstiodSource } from '../../../src/identity/istiod-source.js';
import type { IstiodSourceOptions } from '../../../src/identity/istiod-source.js';
import { MeshRoots } from '../../../src/identity/mesh-roots.js';
import { tokenFromTokenRequest } from '../../../src/identity/token-request.js';
import { fetchVerifiedSvid } from '../../../src/identity/verify-svid.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { Secret } from '../../../src/secret.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';
import type { TestKubeApi } from '../../support/kube-api.js';
import { MeshCaServer } from '../../support/mesh-ca-server.js';
import type { MeshCaServerOptions } from '../../support/mesh-ca-server.js';
import { reviewByKubeApi } from '../../support/token-review.js';

export const hourMs = 3_600_000;
export const id = 'spiffe://cluster.local/ns/default/sa/bigip';

export function request(spiffeId = id, ttlMs = hourMs): SvidRequest {
  const parsed = parseSpiffeId(spiffeId);
  assert.ok(parsed.ok);
  return { spiffeId: parsed.value, ttlMs, keyType: 'ec-p256' };
}

/** A mesh CA server that knows the tokens of a Kubernetes API, and sources that ask it. */
export class IstiodBed {
  readonly time: FakeClock;
  /** Passes over every sleep, and notes how long it was to be. */
  readonly clock: Clock = {
    now: () => this.time.now(),
    sleep: (ms) => {
      this.slept.push(ms);
      return Promise.resolve();
    },
  };
  readonly ca: MeshCa;
  readonly folder: string;
  slept: number[] = [];
  /** The roots that the mesh publishes. */
  published: () => string | undefined;
  readonly #api: TestKubeApi;
  readonly #running: MeshCaServer[] = [];
  #server: MeshCaServer | undefined;

  private constructor(parts: {
    readonly time: FakeClock;
    readonly ca: MeshCa;
    readonly folder: string;
    readonly api: TestKubeApi;
  }) {
    this.time = parts.time;
    this.ca = parts.ca;
    this.folder = parts.folder;
    this.#api = parts.api;
    this.published = () => this.ca.rootPem;
  }

  static async start(): Promise<IstiodBed> {
    // TLS looks at the real time, so the CA's certificates have to be of today.
    const time = new FakeClock(new Date());
    const folder = await mkdtemp(join(tmpdir(), 'istiod-'));
    const api = await startDouble({ clock: time });
    for (const name of ['bigip', 'other']) {
      await api.kube.create(kinds.serviceAccount, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { namespace: 'default', name },
      });
    }
    return new IstiodBed({ time, ca: await MeshCa.create({ now: time.now() }), folder, api });
  }

  /** The one that sources ask; a server is started by `begin`. */
  get server(): MeshCaServer {
    if (this.#server === undefined) throw new Error('no CA server was started');
    return this.#server;
  }

  /** A CA server and everything else as at first, for one test. */
  async begin(): Promise<void> {
    this.slept = [];
    this.published = () => this.ca.rootPem;
    await this.startServer();
  }

  async end(): Promise<void> {
    for (const started of this.#running.splice(0)) await started.close();
  }

  async close(): Promise<void> {
    await this.#api.close();
    await rm(this.folder, { recursive: true });
  }

  /** Sources made from now on ask this server. */
  async startServer(options: Partial<MeshCaServerOptions> = {}): Promise<void> {
    const reviewToken = reviewByKubeApi(this.#api.kube);
    this.#server = await MeshCaServer.start({ ca: this.ca, reviewToken, clock: this.time, ...options });
    this.#running.push(this.#server);
  }

  source(
    options: Partial<IstiodSourceOptions> = {},
    endpoint: Partial<IstiodSourceOptions['endpoint']> = {},
  ): IstiodSource {
    const roots = new MeshRoots([
      () => {
        const pem = this.published();
        return Promise.resolve(
          pem === undefined ? undefined : { origin: 'ConfigMap istio-system/istio-ca-root-cert', pem },
        );
      },
    ]);
    const { address, serverName } = this.server;
    return new IstiodSource({
      endpoint: { address, serverName, certSigner: '', ...endpoint },
      roots,
      readToken: tokenFromTokenRequest(this.#api.kube, 'istio-ca'),
      audience: 'istio-ca',
      clock: this.clock,
      ...options,
    });
  }

  fetch(
    from = this.source(),
    of = request(),
    { signal }: Pick<AbortController, 'signal'> = new AbortController(),
  ): Promise<FetchedSvid> {
    return fetchVerifiedSvid(from, of, () => this.time.now(), signal);
  }

  async tokenOf(
    name: string,
    audiences: readonly string[] = ['istio-ca'],
    expirationSeconds = 600,
  ): Promise<Secret> {
    const serviceAccount = { namespace: 'default', name };
    const { token } = await this.#api.kube.createTokenRequest({
      serviceAccount,
      audiences,
      expirationSeconds,
    });
    return token;
  }

  async fileToken(token: Secret): Promise<ReadCaToken> {
    const file = join(this.folder, 'token');
    await writeFile(file, token.reveal());
    return tokenFromFile(file);
  }
}
