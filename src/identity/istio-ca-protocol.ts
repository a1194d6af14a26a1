import type { MethodDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** What `CreateCertificate` is asked; names are those on the wire. */
interface CreateCertificateRequest {
  /** PEM. */
  readonly csr: string;
  /** Seconds, as text because the field is an int64; always positive, because istio-csr takes 0 literally. */
  readonly validity_duration: string;
  /** A google.protobuf.Struct. */
  readonly metadata: { readonly fields: Readonly<Record<string, { readonly string_value: string }>> };
}

interface CreateCertificateResponse {
  /** PEM: the leaf first, the root certificates last. */
  readonly cert_chain: readonly string[];
}

/** istio/api:security/v1alpha1/ca.proto, as far as the agent speaks it; field 2 of the request is unused. */
const caProto = {
  nested: {
    google: {
      nested: {
        protobuf: {
          nested: {
            Struct: { fields: { fields: { keyType: 'string', type: 'Value', id: 1 } } },
            Value: { fields: { string_value: { type: 'string', id: 3 } } },
          },
        },
      },
    },
    istio: {
      nested: {
        v1: {
          nested: {
            auth: {
              nested: {
                IstioCertificateRequest: {
                  fields: {
                    csr: { type: 'string', id: 1 },
                    validity_duration: { type: 'int64', id: 3 },
                    metadata: { type: 'google.protobuf.Struct', id: 4 },
                  },
                },
                IstioCertificateResponse: {
                  fields: { cert_chain: { rule: 'repeated', type: 'string', id: 1 } },
                },
                IstioCertificateService: {
                  methods: {
                    CreateCertificate: {
                      requestType: 'IstioCertificateRequest',
                      responseType: 'IstioCertificateResponse',
                      comment: 'Signs a certificate request for the identity of the caller.',
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
};

/** `/istio.v1.auth.IstioCertificateService/CreateCertificate` */
export function createCertificateMethod(): MethodDefinition<
  CreateCertificateRequest,
  CreateCertificateResponse
> {
  const service = fromJSON(caProto, { keepCase: true, longs: String, arrays: true })[
    'istio.v1.auth.IstioCertificateService'
  ] as Readonly<Record<string, MethodDefinition<CreateCertificateRequest, CreateCertificateResponse>>>;
  const method = service['CreateCertificate'];
  if (method === undefined) throw new Error('the method stands a few lines above');
  return method;
}
