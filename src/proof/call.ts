import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Secret } from '../secret.js';
import { ObservedStream } from './observed-stream.js';
import { findServerLeaf } from './server-flight.js';

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
  /** What to say once connected, and how the answer that is hoped for reads. */
  readonly probe?: { readonly send: string; readonly expect: string } | undefined;
  /** Decides on the server's leaf (DER); a text refuses it and says why. */
  readonly checkServer: (leaf: Buffer) => string | undefined;
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
 * - `silent`: connected, and nothing came within the deadline
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
  const { caller } = request;
  const tcp = await openTcp(request);
  if ('result' in tcp) return tcp;
  const stream = new ObservedStream(tcp);
  let completedLeaf: Buffer | undefined;
  let socket: TLSSocket;
  try {
    socket = connectTls({
      socket: stream,
      ca: request.trustBundlePem,
      servername: request.serverName,
      ALPNProtocols: ['istio-peer-exchange', 'istio'],
      ...(caller === undefined ? {} : { cert: caller.certificatePem, key: caller.keyPem.reveal() }),
      checkServerIdentity: (_host, certificate) => {
        completedLeaf = certificate.raw;
        const refusal = request.checkServer(certificate.raw);
        return refusal === undefined ? undefined : new Error(refusal);
      },
    });
  } catch (error) {
    tcp.destroy();
    return { result: 'refused', detail: `the caller's own certificate is unusable (${reasonOf(error)})` };
  }
  const outcome = await converse(socket, 'secureConnect', request);
  const serverLeaf = completedLeaf ?? findServerLeaf(stream.received);
  if (serverLeaf === undefined) return outcome;
  const refusal = request.checkServer(serverLeaf);
  const isUntrusted = refusal !== undefined || (outcome.result === 'refused' && isDistrust(outcome.detail));
  return isUntrusted
    ? { ...outcome, serverLeaf, result: 'untrusted', detail: refusal ?? outcome.detail }
    : { ...outcome, serverLeaf };
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
      resolve({ result: 'unreachable', detail: `no TCP connection (${reasonOf(error)})` });
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
    const deadline = setTimeout(
      () =>
        end('silent', ready ? `no answer within ${deadlineMs} ms` : `no handshake within ${deadlineMs} ms`),
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
    socket.once('error', (error) =>
      end('refused', ready ? `connection ended (${reasonOf(error)})` : reasonOf(error)),
    );
    socket.once('close', () => {
      const text = Buffer.concat(received);
      if (text.length === 0 || isTlsAlert(text))
        end('refused', ready ? 'connection closed without an answer' : 'connection closed');
      else end('silent', `read ${quote(text.toString('latin1'))} and nothing of what was expected`);
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

/** OpenSSL's names for a server certificate that does not verify. */
function isDistrust(detail: string): boolean {
  return /SELF_SIGNED|UNABLE_TO_|CERT_|ERR_TLS_CERT_ALTNAME/.test(detail) && !detail.includes('ALERT');
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code ?? message ?? 'unknown error').split('\n')[0] ?? '';
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text.trimEnd());
}
