import {
  definitionOf,
  fieldsOf,
  flag,
  listOf,
  mapOf,
  oneOfTexts,
  text,
  texts,
  uint32,
} from './schema-parts.js';

const tlsVersion = oneOfTexts('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3');
const certificate = { serverCertificate: text, privateKey: text, caCertificates: text };

const tls = fieldsOf({
  ...certificate,
  mode: oneOfTexts('PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'),
  httpsRedirect: flag,
  caCrl: text,
  caCertCredentialName: text,
  credentialName: text,
  credentialNames: { ...listOf(text, 2), minItems: 1 },
  tlsCertificates: { ...listOf(fieldsOf(certificate), 2), minItems: 1 },
  cipherSuites: texts,
  minProtocolVersion: tlsVersion,
  maxProtocolVersion: tlsVersion,
  subjectAltNames: texts,
  verifyCertificateHash: texts,
  verifyCertificateSpki: texts,
});

/** Source: the definition of Istio 1.30. */
export const gatewaySchema = definitionOf(
  fieldsOf({
    selector: mapOf(text),
    servers: listOf(
      fieldsOf(
        {
          name: text,
          bind: text,
          defaultEndpoint: text,
          hosts: texts,
          port: fieldsOf(
            { number: uint32, protocol: text, name: text, targetPort: uint32 },
            'number',
            'protocol',
            'name',
          ),
          tls,
        },
        'port',
        'hosts',
      ),
    ),
  }),
);
