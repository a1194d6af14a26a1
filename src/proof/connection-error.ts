const systemErrors: Readonly<Record<string, string>> = {
  ECONNABORTED: 'connection aborted',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  EPIPE: 'connection closed',
  ETIMEDOUT: 'timed out',
};

/**
 * What ended a connection, for people: `connection reset`, `TLS alert: handshake failure`, or the first line of what the
 * TLS library says. Pure.
 *
 * The alert's name stands at the end of OpenSSL's code, behind the version that it came with, which says nothing of the
 * connection: `ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE` also comes in TLS 1.2.
 */
export function describeConnectionError(error: Error): string {
  const { code = '', reason, message }: OpensslError = error;
  const alert = /^ERR_SSL_.*ALERT_([A-Z_]+)$/.exec(code)?.[1];
  if (alert !== undefined) {
    return `TLS alert: ${alert
      .toLowerCase()
      .replaceAll('_', ' ')
      .replace(/\bca\b/, 'CA')}`;
  }
  const [line = ''] = message.split('\n');
  return systemErrors[code] ?? reason ?? (line === '' ? 'connection ended' : line);
}

/** What Node puts on the errors of its TLS library: `reason` is OpenSSL's text without code, file and line. */
interface OpensslError extends NodeJS.ErrnoException {
  readonly reason?: string;
}
