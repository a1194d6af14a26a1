import type { Members } from './device-object.js';

/** The objects, by full path, that a client SSL profile is made of. */
interface ClientSslParts {
  readonly cert: string;
  readonly key: string;
  /** Absent when the leaf is signed by a root. */
  readonly chain: string | undefined;
  readonly trustBundle: string;
  /** Absent while the mesh publishes no CRL. */
  readonly revocationLists?: string | undefined;
}

/**
 * The members of the client SSL profile, each of them there to close a way around the rule.
 *
 * A check that sits in CLIENTSSL_CLIENTCERT is walked around by session resumption, renegotiation, plaintext and
 * early data; the profile rules those out, and the rule decides again at CLIENTSSL_HANDSHAKE all the same.
 * TLS 1.3 stays off: how a BIG-IP treats client certificates on PSK resumption is not on record.
 *
 * @param tmosVersion such as `16.1.3.3`
 */
export function clientSslMembers(parts: ClientSslParts, tmosVersion: string): Members {
  return {
    defaultsFrom: '/Common/clientssl',
    certKeyChain: [{ name: 'mesh', cert: parts.cert, key: parts.key, chain: parts.chain ?? 'none' }],
    caFile: parts.trustBundle,
    clientCertCa: parts.trustBundle,
    crlFile: parts.revocationLists ?? 'none',
    // One that has expired goes on revoking; without this it would refuse everybody.
    allowExpiredCrl: parts.revocationLists === undefined ? 'disabled' : 'enabled',
    peerCertMode: 'require',
    authenticate: 'always',
    authenticateDepth: 4,
    retainCertificate: 'true',
    cacheSize: 0,
    sessionTicket: 'disabled',
    sessionMirroring: 'disabled',
    renegotiation: 'disabled',
    allowNonSsl: 'disabled',
    bypassOnClientCertFail: 'disabled',
    bypassOnHandshakeAlert: 'disabled',
    sslForwardProxy: 'disabled',
    sniRequire: 'false',
    ...versionMembers(tmosVersion),
  };
}

function versionMembers(tmosVersion: string): Members {
  const [major = 0, minor = 0] = tmosVersion.split('.').map(Number);
  // Sidecars speak TLS 1.2 and later; devices offer the older versions unless they are told not to.
  const options = ['dont-insert-empty-fragments', 'no-tlsv1', 'no-tlsv1.1'];
  // The option word exists since TLS 1.3 does (14.0), the 0-RTT member since 15.1.
  if (major >= 14) options.push('no-tlsv1.3');
  const earlyData = major > 15 || (major === 15 && minor >= 1);
  return { tmOptions: options, ...(earlyData ? { data_0rtt: 'disabled' } : {}) };
}
