import type { MethodDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** One identity of the calling process; names are those on the wire. */
export interface X509Svid {
  readonly spiffe_id: string;
  /** DER certificates one after the other, the leaf first. */
  readonly x509_svid: Buffer;
  /** PKCS#8 DER. */
  readonly x509_svid_key: Buffer;
  /** DER certificates one after the other: the roots of the SVID's trust domain. */
  readonly bundle: Buffer;
}

/** The whole state: what is not in it is gone. */
export interface X509SvidResponse {
  readonly svids: readonly X509Svid[];
}

/**
 * The part of the SPIFFE Workload API that the agent speaks (SPIFFE_Workload_API.md section 5; it has no package).
 *
 * Left out on purpose: `federated_bundles`, whose roots may not vouch for names of the mesh's own trust domain, as any
 * root in a device's bundle can.
 */
const workloadApiProto = {
  nested: {
    X509SVIDRequest: { fields: {} },
    X509SVIDResponse: { fields: { svids: { rule: 'repeated', type: 'X509SVID', id: 1 } } },
    X509SVID: {
      fields: {
        spiffe_id: { type: 'string', id: 1 },
        x509_svid: { type: 'bytes', id: 2 },
        x509_svid_key: { type: 'bytes', id: 3 },
        bundle: { type: 'bytes', id: 4 },
      },
    },
    SpiffeWorkloadAPI: {
      methods: {
        FetchX509SVID: {
          requestType: 'X509SVIDRequest',
          responseType: 'X509SVIDResponse',
          responseStream: true,
          comment: 'Streams the identities of the calling process, all of them each time.',
        },
      },
    },
  },
};

/** `/SpiffeWorkloadAPI/FetchX509SVID` */
export function fetchX509SvidMethod(): MethodDefinition<object, X509SvidResponse> {
  const service = fromJSON(workloadApiProto, { keepCase: true, arrays: true, defaults: true })[
    'SpiffeWorkloadAPI'
  ] as Readonly<Record<string, MethodDefinition<object, X509SvidResponse>>>;
  const method = service['FetchX509SVID'];
  if (method === undefined) throw new Error('the method stands a few lines above');
  return method;
}
