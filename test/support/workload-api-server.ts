import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadPackageDefinition, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServerWritableStream, ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import type { Svid } from '../../src/spiffe/svid.js';
import { repositoryRoot } from './shared-data.js';

/** One identity of the calling process, as the API sends it. */
export interface ServedSvid {
  readonly spiffe_id: string;
  readonly x509_svid: Buffer;
  readonly x509_svid_key: Buffer;
  readonly bundle: Buffer;
  readonly hint: string;
}

interface ServedState {
  readonly svids: readonly ServedSvid[];
  /** By the ID of the trust domain. */
  readonly federated_bundles?: Readonly<Record<string, Buffer>>;
}

type Stream = ServerWritableStream<object, ServedState>;

/** An SVID with the roots of its trust domain, as SPIRE's agent sends them. */
export function served(svid: Svid, roots: readonly X509Certificate[], hint = ''): ServedSvid {
  return {
    spiffe_id: svid.spiffeId.text,
    x509_svid: Buffer.concat([svid.leaf, ...svid.chain].map(({ raw }) => raw)),
    x509_svid_key: svid.privateKey.export({ type: 'pkcs8', format: 'der' }),
    bundle: Buffer.concat(roots.map(({ raw }) => raw)),
    hint,
  };
}

/**
 * A SPIFFE Workload API on a Unix socket, as SPIRE's agent serves it: the whole state at once, and again each time it
 * changes; PERMISSION_DENIED as long as no identity is registered for the caller.
 *
 * Source: spiffe/spire:pkg/agent/endpoints/workload/handler.go, pkg/agent/endpoints/middleware.go.
 */
export class WorkloadApiServer {
  /** Calls that came with the security header. */
  calls = 0;
  readonly #folder: string;
  readonly #server = new Server();
  readonly #streams = new Set<Stream>();
  #state: ServedState | undefined;
  #failures: { code: status; message: string }[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<WorkloadApiServer> {
    const double = new WorkloadApiServer(await mkdtemp(join(tmpdir(), 'workload-api-')));
    const path = join(repositoryRoot, 'test', 'support', 'protos', 'workload.proto');
    const { SpiffeWorkloadAPI: constructor } = loadPackageDefinition(
      loadSync(path, { keepCase: true, defaults: true }),
    ) as unknown as { SpiffeWorkloadAPI: ServiceClientConstructor };
    double.#server.addService(constructor.service, {
      FetchX509SVID: (stream: Stream) => double.#answer(stream),
    });
    await new Promise<void>((resolve, reject) => {
      double.#server.bindAsync(double.address, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    return double;
  }

  /** `unix:///tmp/workload-api-x/api.sock` */
  get address(): string {
    return `unix://${join(this.#folder, 'api.sock')}`;
  }

  /** Resolves when a client listens that was sent the state. */
  async untilSomebodyListens(): Promise<void> {
    while (this.#streams.size === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves when no client listens any more. */
  async untilNobodyListens(): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => once(stream, 'cancelled')));
  }

  /** From now on this is the state, and everybody who listens is told. */
  serve(svids: readonly ServedSvid[], federated: ServedState['federated_bundles'] = {}): void {
    this.#state = { svids, federated_bundles: federated };
    for (const stream of this.#streams) stream.write(this.#state);
  }

  /** The next calls fail, one with each of these. */
  failNext(...failures: readonly { readonly code: status; readonly message: string }[]): void {
    this.#failures.push(...failures);
  }

  async close(): Promise<void> {
    this.#server.forceShutdown();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #answer(stream: Stream): void {
    stream.on('error', () => undefined);
    const refuse = (code: status, details: string): void => {
      stream.emit('error', { code, details });
    };
    if (stream.metadata.get('workload.spiffe.io')[0] !== 'true') {
      refuse(status.INVALID_ARGUMENT, 'security header missing from request');
      return;
    }
    this.calls += 1;
    const failure = this.#failures.shift();
    if (failure !== undefined) {
      refuse(failure.code, failure.message);
      return;
    }
    if (this.#state === undefined) {
      refuse(status.PERMISSION_DENIED, 'no identity issued');
      return;
    }
    this.#streams.add(stream);
    stream.once('cancelled', () => this.#streams.delete(stream));
    stream.write(this.#state);
  }
}
