import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { CallOptions, ServiceError } from '@grpc/grpc-js';

import type { CallFailure } from './call-failure.js';
import { trackConnections } from './tracked-connections.js';
import { fetchX509SvidMethod } from './workload-api-protocol.js';
import type { X509SvidResponse } from './workload-api-protocol.js';

/** What the Workload API answered: the state of this moment, or a gRPC status. */
type WorkloadApiAnswer =
  { readonly ok: true; readonly state: X509SvidResponse } | ({ readonly ok: false } & CallFailure);

/**
 * Asks the Workload API for the identities of this process as they are now.
 *
 * The API answers by a stream whose every message is the whole state, the first one at once. One message is taken and
 * the stream ended: nothing is kept that could have become stale in the meantime.
 *
 * @param address `unix:///run/spire/agent.sock`; there is no TLS on a Unix socket.
 * @throws the signal's reason when it aborts.
 */
export function fetchX509Svids(
  address: string,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<WorkloadApiAnswer> {
  signal.throwIfAborted();
  return new Promise<WorkloadApiAnswer>((resolve, reject) => {
    const { stream, close } = openStream(address, { deadline: Date.now() + deadlineMs });
    const cancel = (): void => stream.cancel();
    const finish = (answer: WorkloadApiAnswer): void => {
      signal.removeEventListener('abort', cancel);
      close();
      if (signal.aborted) reject(signal.reason as Error);
      else resolve(answer);
    };
    stream.once('data', (state: X509SvidResponse) => finish({ ok: true, state }));
    stream.once('end', () =>
      finish({ ok: false, status: status.UNAVAILABLE, details: 'the stream ended without a message' }),
    );
    // Also after the end: cancelling is told as an error.
    stream.on('error', ({ code, details }: ServiceError) => finish({ ok: false, status: code, details }));
    signal.addEventListener('abort', cancel, { once: true });
  });
}

/**
 * Listens to the Workload API until the stream ends for whatever reason; it resolves then.
 *
 * @param options.onState told of each message, the state of the first moment included.
 */
export async function followX509Svids(
  address: string,
  { onState, signal }: { readonly onState: (state: X509SvidResponse) => void; readonly signal: AbortSignal },
): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const { stream, close } = openStream(address, {});
    const finish = (): void => {
      signal.removeEventListener('abort', finish);
      close();
      resolve();
    };
    stream.on('data', onState);
    stream.once('end', finish);
    stream.on('error', finish);
    signal.addEventListener('abort', finish, { once: true });
  });
}

function openStream(address: string, options: CallOptions) {
  const metadata = new Metadata();
  // Keeps a request out that a web page was tricked into (SPIFFE_Workload_Endpoint.md section 3).
  metadata.set('workload.spiffe.io', 'true');
  const method = fetchX509SvidMethod();
  const channelCredentials = credentials.createInsecure();
  const destroyConnections = trackConnections(channelCredentials);
  const client = new Client(address, channelCredentials, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': 0,
  });
  const stream = client.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    {},
    metadata,
    options,
  );
  const close = (): void => {
    stream.cancel();
    client.close();
    destroyConnections();
  };
  return { stream, close };
}
