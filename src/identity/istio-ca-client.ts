import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';

import type { Secret } from '../secret.js';
import type { CallFailure } from './call-failure.js';
import { createCertificateMethod } from './istio-ca-protocol.js';
import { trackConnections } from './tracked-connections.js';

/** Where a mesh CA is, and how it wants to be asked. */
export interface MeshCaEndpoint {
  /** `istiod.istio-system.svc:15012` */
  readonly address: string;
  /** The DNS name that its certificate must be for, wherever the connection leads. */
  readonly serverName: string;
  /** Which cluster's API server made the token; absent: that of the CA itself. */
  readonly clusterId?: string | undefined;
  /** Which signer a CA with several of them shall use; empty: its default. */
  readonly certSigner: string;
}

export interface CertificateCall {
  /** PEM. */
  readonly csr: string;
  readonly ttlMs: number;
  readonly token: Secret;
  /** The roots that the CA's own certificate must lead to. */
  readonly rootsPem: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** What the CA answered: its certificates, or a gRPC status. */
type CertificateAnswer =
  { readonly ok: true; readonly certChain: readonly string[] } | ({ readonly ok: false } & CallFailure);

/**
 * Asks a mesh CA for a certificate, over a connection that is made for this one call.
 *
 * A channel that is kept would go on trusting the roots that it was made with: after the CA was replaced it could
 * never connect again (istio/istio:security/pkg/nodeagent/caclient/providers/citadel/client.go closes its channel
 * after each error for that reason).
 *
 * @throws the signal's reason when it aborts.
 */
export function requestCertificate(
  endpoint: MeshCaEndpoint,
  call: CertificateCall,
): Promise<CertificateAnswer> {
  const { serverName, clusterId, certSigner } = endpoint;
  const { signal } = call;
  signal.throwIfAborted();
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${call.token.reveal()}`);
  if (clusterId !== undefined) metadata.set('clusterid', clusterId);
  const request = {
    csr: call.csr,
    validity_duration: String(Math.max(1, Math.round(call.ttlMs / 1000))),
    metadata: { fields: { CertSigner: { string_value: certSigner } } },
  };
  const method = createCertificateMethod();
  const channelCredentials = credentials.createSsl(Buffer.from(call.rootsPem));
  const destroyConnections = trackConnections(channelCredentials);
  const client = new Client(endpoint.address, channelCredentials, {
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
    'grpc.use_local_subchannel_pool': 1,
    // The CA is inside of the cluster, where no proxy leads; and repeating is the caller's part.
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': 0,
  });
  return new Promise<CertificateAnswer>((resolve, reject) => {
    const pending = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      { deadline: Date.now() + call.deadlineMs },
      (error: ServiceError | null, response) => {
        signal.removeEventListener('abort', cancel);
        client.close();
        destroyConnections();
        if (signal.aborted) reject(signal.reason as Error);
        else if (error !== null) resolve({ ok: false, status: error.code, details: error.details });
        else resolve({ ok: true, certChain: response?.cert_chain ?? [] });
      },
    );
    const cancel = (): void => pending.cancel();
    signal.addEventListener('abort', cancel, { once: true });
  });
}
