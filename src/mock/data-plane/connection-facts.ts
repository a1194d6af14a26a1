import type { Socket } from 'node:net';
import type { Facts } from '../tcl/rule-engine.js';
import type { Handshake } from './client-ssl-profile.js';
import type {
  ClientSslConfiguration,
  RuleConfiguration,
  VirtualServerConfiguration,
} from './configuration.js';
import { certificateFacts } from './x509-facts.js';

/** What rules may ask of a connection from its first event on. */
export function addressFacts(socket: Socket, virtualServer: VirtualServerConfiguration): Facts {
  const address = socket.remoteAddress ?? '';
  const port = socket.remotePort ?? 0;
  return {
    virtual: virtualServer.fullPath,
    statistics_profiles: (virtualServer.statisticsProfiles ?? []).join(' '),
    'IP::client_addr': address,
    'IP::remote_addr': address,
    'TCP::client_port': port,
    'TCP::remote_port': port,
    'IP::local_addr': virtualServer.address,
    'TCP::local_port': virtualServer.port,
  };
}

/** What rules may ask of the TLS session, from CLIENTSSL_CLIENTCERT on. */
export function sslFacts(
  { certificates, verifyResult, sessionId, protocol, cipher }: Handshake,
  { peerCertMode }: ClientSslConfiguration,
  rules: readonly RuleConfiguration[],
): Facts {
  const needsX509 = rules.some(({ text }) => /X509::|SSL::cert\s+issuer/.test(text));
  return {
    ...Object.fromEntries(certificates.map((der, index) => [`certificate.${index}`, der])),
    ...(needsX509 ? Object.assign({}, ...certificates.map(certificateFacts)) : {}),
    certificate_count: certificates.length,
    verify_result: verifyResult,
    peer_cert_mode: peerCertMode,
    session_id: sessionId.toString('hex'),
    cipher_name: cipher,
    cipher_version: protocol,
    cipher_bits: /256|CHACHA20/.test(cipher) ? 256 : 128,
  };
}

/** What rules may ask of the pool member, from LB_SELECTED on. */
export function memberFacts(
  member: { readonly address: string; readonly port: number },
  { pool }: VirtualServerConfiguration,
): Facts {
  return {
    'IP::server_addr': member.address,
    'TCP::server_port': member.port,
    'LB::server': `${pool?.fullPath ?? ''} ${member.address} ${member.port}`,
  };
}
