import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { Secret } from '../secret.js';
import { describeConnectionError } from './connection-error.js';
import { ObservedStream } from './observed-stream.js';
import { findServerCertificates } from './server-flight.js';

/** How a caller of a mesh service presents itself. */
export interface Caller {
  /** PEM: leaf first, then intermediates. */
  readonly certificatePem: string;
  readonly keyPem: Secret;
}

export interface CallRequest {
  readonly address: string;
  readonly port: number;
  /** Roots that the server's certificate must verify against. */
  readonly trustBundlePem: string;
  /** As a sidecar sends it: `outbound_.PORT_._.HOST`. */
  readonly serverName: string;
  /** Absent: a TLS client without a certificate. */
  readonly caller?: Caller;
  /** Made of the roots and the caller, where several calls have the same; absent: this call makes its own. */
  readonly secureContext?: SecureContext;
  /** What to say once connected, and how the answer that is hoped for reads. */
  readonly probe?: { readonly send: string; readonly expect: string } | undefined;
  /**
   * Decides on the server's certificate (DER), and on those that it sent with it; a text refuses it and says why.
   * What a server of TLS 1.3 sends is not seen: the TLS library has verified that by then.
   */
  readonly checkServer: (leaf: Buffer, others?: readonly Buffer[]) => string | undefined;
  /** The whole call, in milliseconds. */
  readonly deadlineMs: number;
  /** Without a probe: how long a connection must stay open to count as admitted, in milliseconds. */
  readonly settleMs: number;
}

/**
 * What became of one call.
 *
 * - `answered`: the expected answer came; `admitted`: no probe, and the connection stayed open
 * - `refused`: handshake refused, or the connection was reset or closed before a byte of data came
 * - `silent`: connected, and nothing that was expected came within the deadline; something else may have
 * - `untrusted`: the server's own certificate did not pass
 * - `unreachable`: no TCP connection
 */
export interface CallOutcome {
  readonly result: 'answered' | 'admitted' | 'refused' | 'silent' | 'untrusted' | 'unreachable';
  /** One line of what was seen. */
  readonly detail: string;
  /** The server's leaf certificate, where the handshake came that far. */
  readonly serverLeaf?: Buffer;
  /** `TLSv1.2`, where the handshake was completed. */
  readonly protocol?: string;
}

/** Calls a mesh service as a sidecar does: mutual TLS, Istio's ALPN offer and SNI, the SPIFFE ID demanded. */
export async function callWithTls(request: CallRequest): Promise<CallOutcome> {
  const tcp = await openTcp(request);
  if ('result' in tcp) return tcp;
  const stream = new ObservedStream(tcp);
  let completedLeaf: Buffer | undefined;
  let socket: TLSSocket;
  try {
    socket = connectTls({
      socket: stream,
      secureContext: request.secureContext ?? callerContext(request),
      servername: request.serverName,
      ALPNProtocols: ['istio-peer-exchange', 'istio'],
      checkServerIdentity: (_host, certificate) => {
        completedLeaf = certificate.raw;
        const sent = findServerCertificates(stream.received);
        const refusal = request.checkServer(certificate.raw, sent?.slice(1));
        return refusal === undefined ? undefined : new Error(refusal);
      },
    });
  } catch (error) {
    tcp.destroy();
    return {
      result: 'refused',
      detail: `the caller's own certificate is unusable (${describeConnectionError(error as Error)})`,
    };
  }
  const outcome = await converse(socket, 'secureConnect', request);
  const sent = findServerCertificates(stream.received);
  const serverLeaf = completedLeaf ?? sent?.[0];
  if (serverLeaf === undefined) return outcome;
  const refusal = request.checkServer(serverLeaf, sent?.slice(1));
  return refusal === undefined
    ? { ...outcome, serverLeaf }
    : { ...outcome, serverLeaf, result: 'untrusted', detail: refusal };
}

/** @throws what OpenSSL says of a caller's certificate or key that is of no use */
export function callerContext({
  trustBundlePem,
  caller,
}: Pick<CallRequest, 'trustBundlePem' | 'caller'>): SecureContext {
  return createSecureContext({
    ca: trustBundlePem,
    ...(caller === undefined ? {} : { cert: caller.certificatePem, key: caller.keyPem.reveal() }),
  });
}

/** Calls in plain TCP, as a workload that goes past its sidecar does. TLS alert records are no answer. */
export async function callWithPlainTcp(request: CallRequest): Promise<CallOutcome> {
  const tcp = await openTcp(request);
  if ('result' in tcp) return tcp;
  return converse(tcp, undefined, { ...request, probe: request.probe ?? { send: '\n', expect: '\0' } });
}

function openTcp({ address, port, deadlineMs }: CallRequest): Promise<Socket | CallOutcome> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: address, port });
    const timer = setTimeout(() => {
      socket.destroy();
      resolve({ result: 'unreachable', detail: `no TCP connection within ${deadlineMs} ms` });
    }, deadlineMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      resolve({ result: 'unreachable', detail: `no TCP connection (${describeConnectionError(error)})` });
    });
  });
}

function converse(
  socket: Socket,
  readyEvent: 'secureConnect' | undefined,
  { probe, deadlineMs, settleMs }: CallRequest,
): Promise<CallOutcome> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    let ready = readyEvent === undefined;
    let protocol: string | undefined;
    let settleTimer: NodeJS.Timeout | undefined;
    const end = (result: CallOutcome['result'], detail: string): void => {
      clearTimeout(deadline);
      clearTimeout(settleTimer);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
      resolve({ result, detail, ...(protocol === undefined ? {} : { protocol }) });
    };
    /** Whatever came is no refusal, even when an error or nothing at all comes behind it. */
    const unexpected = (): string | undefined => {
      const bytes = Buffer.concat(received);
      return bytes.length === 0 || isTlsAlert(bytes)
        ? undefined
        : `read ${quote(bytes.toString('latin1'))} and nothing of what was expected`;
    };
    const deadline = setTimeout(
      () => end('silent', unexpected() ?? `no ${ready ? 'answer' : 'handshake'} within ${deadlineMs} ms`),
      deadlineMs,
    );
    const start = (): void => {
      ready = true;
      if (probe === undefined) {
        settleTimer = setTimeout(
          () => end('admitted', `connected, and still so after ${settleMs} ms`),
          settleMs,
        );
      } else {
        socket.write(probe.send);
      }
    };
    socket.on('data', (chunk) => {
      received.push(chunk);
      const text = Buffer.concat(received).toString('latin1');
      if (probe !== undefined && text.includes(probe.expect))
        end('answered', `sent ${quote(probe.send)}, read ${quote(text)}`);
    });
    socket.once('error', (error) => {
      const seen = unexpected();
      if (seen !== undefined) return end('silent', seen);
      const reason = describeConnectionError(error);
      end(isDistrust(error) ? 'untrusted' : 'refused', ready ? `connection ended (${reason})` : reason);
    });
    socket.once('close', () => {
      const seen = unexpected();
      if (seen === undefined)
        end('refused', ready ? 'connection closed without an answer' : 'connection closed');
      else end('silent', seen);
    });
    if (readyEvent === undefined) start();
    else {
      socket.once(readyEvent, () => {
        protocol = (socket as TLSSocket).getProtocol() ?? undefined;
        start();
      });
    }
  });
}

/** Record type 21 with a two-byte body (RFC 5246, 7.2). */
function isTlsAlert(bytes: Buffer): boolean {
  return bytes.length === 7 && bytes[0] === 21 && bytes[1] === 3;
}

/** OpenSSL's codes for a server certificate that does not verify; those for alerts that came have `ALERT` in them. */
function isDistrust({ code = '' }: NodeJS.ErrnoException): boolean {
  return /SELF_SIGNED|UNABLE_TO_|CERT_|ERR_TLS_CERT_ALTNAME/.test(code) && !code.includes('ALERT');
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text.trimEnd());
}
