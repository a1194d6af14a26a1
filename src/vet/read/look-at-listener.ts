import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { ObservedStream } from '../../proof/observed-stream.js';
import { known, unknown } from '../datum.js';
import type { Datum } from '../datum.js';
import type { ListenerFacts, ServerFlight } from '../facts.js';
import { parseServerFlight } from './server-flight.js';

export interface Look {
  readonly address: string;
  readonly port: number;
  /** `bigip.default.svc.cluster.local` */
  readonly host: string;
  /** What is sent in plain TCP, to see whether anything answers. */
  readonly plaintext: string;
  readonly timing?: LookTiming;
}

/** In milliseconds. */
interface LookTiming {
  /** For a connection, and for what a TLS server says first. */
  readonly deadlineMs: number;
  /** For an answer in plain TCP, which should never come. */
  readonly plainDeadlineMs: number;
}

const defaultTiming: LookTiming = { deadlineMs: 5000, plainDeadlineMs: 1000 };

/** The names that a sidecar offers for TCP (I:pilot/pkg/networking/util/util.go). */
const sidecarAlpn = ['istio-peer-exchange', 'istio'];

/** What OpenSSL offers of these only when it is told that weak keys will do. */
const beforeTls12: ConnectionOptions = {
  minVersion: 'TLSv1',
  maxVersion: 'TLSv1.1',
  ciphers: 'DEFAULT:@SECLEVEL=0',
};

/** Errors that say that the machine is there and nobody listens. */
const closed = new Set(['ECONNREFUSED', 'ECONNRESET']);

/**
 * Looks at a listener as a sidecar would call it, with no certificate of its own: four connections, each of which ends
 * before a caller would be let in.
 *
 * No more than TLS 1.2 is offered: up to there a server shows its certificate in clear, whoever asks.
 */
export async function lookAtListener(look: Look): Promise<Datum<ListenerFacts>> {
  const { port, host, timing = defaultTiming } = look;
  const first = await open(look, timing.deadlineMs);
  if (typeof first === 'string') {
    return closed.has(first)
      ? known({
          isClosed: true,
          flight: undefined,
          flightWithoutName: undefined,
          oldestVersion: undefined,
          plaintextAnswer: undefined,
        })
      : unknown({ reason: `${look.address} port ${port} is not to be reached from here (${first})` });
  }
  const servername = `outbound_.${port}_._.${host}`;
  const modern: ConnectionOptions = { ALPNProtocols: sidecarAlpn, maxVersion: 'TLSv1.2' };
  const flight = await observeFlight(first, { ...modern, servername }, timing.deadlineMs);
  // Who does not speak TLS to a sidecar's hello does not do so to another one.
  const isTls = flight !== undefined;
  const flightWithoutName = isTls ? await again(look, modern) : undefined;
  const old = isTls ? await again(look, { servername, ...beforeTls12 }) : undefined;
  return known({
    isClosed: false,
    flight,
    flightWithoutName,
    oldestVersion: old !== undefined && old.certificates.length > 0 ? old.version : undefined,
    plaintextAnswer: await plaintextAnswer(look),
  });
}

async function again(look: Look, options: ConnectionOptions): Promise<ServerFlight | undefined> {
  const { deadlineMs } = look.timing ?? defaultTiming;
  const socket = await open(look, deadlineMs);
  return typeof socket === 'string' ? undefined : observeFlight(socket, options, deadlineMs);
}

/** @returns the connection, or the code of why there is none */
function open({ address, port }: Look, deadlineMs: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: address, port });
    const give = (result: Socket | string): void => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      if (typeof result === 'string') {
        socket.on('error', () => undefined);
        socket.destroy();
      }
      resolve(result);
    };
    const timer = setTimeout(() => give('no answer'), deadlineMs);
    socket.once('connect', () => give(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => give(error.code ?? 'unknown error'));
  });
}

/** Lets a TLS client speak, and reads along; how its handshake ends does not matter. */
function observeFlight(
  tcp: Socket,
  options: ConnectionOptions,
  deadlineMs: number,
): Promise<ServerFlight | undefined> {
  return new Promise((resolve) => {
    const stream = new ObservedStream(tcp);
    const socket = connectTls({ ...options, socket: stream });
    const end = (): void => {
      clearTimeout(timer);
      resolve(parseServerFlight(stream.received));
      socket.destroy();
      stream.destroy();
    };
    const timer = setTimeout(end, deadlineMs);
    // A few bytes of something else would be waited for in vain to become a TLS record.
    tcp.on('data', () => {
      if (!isTlsRecord(stream.received)) end();
    });
    socket.on('error', end);
    socket.once('secureConnect', end);
    socket.once('close', end);
  });
}

/** @returns what came back, in quotes; undefined for nothing, and for a TLS alert */
function plaintextAnswer(look: Look): Promise<string | undefined> {
  const { plainDeadlineMs } = look.timing ?? defaultTiming;
  return open(look, plainDeadlineMs).then(
    (socket) =>
      new Promise((resolve) => {
        if (typeof socket === 'string') {
          resolve(undefined);
          return;
        }
        const end = (answer?: Buffer): void => {
          clearTimeout(timer);
          socket.removeAllListeners();
          socket.on('error', () => undefined);
          socket.destroy();
          const isTls = answer === undefined || ((answer[0] === 21 || answer[0] === 22) && answer[1] === 3);
          resolve(isTls ? undefined : JSON.stringify(answer.subarray(0, 60).toString('latin1')));
        };
        const timer = setTimeout(() => end(), plainDeadlineMs);
        socket.once('data', (chunk: Buffer) => end(chunk));
        socket.once('error', () => end());
        socket.once('close', () => end());
        socket.write(look.plaintext);
      }),
  );
}

/** Alert or handshake of TLS 1.x (RFC 5246, section 6.2.1). */
function isTlsRecord(bytes: Buffer): boolean {
  return (bytes[0] === 21 || bytes[0] === 22) && (bytes.length < 2 || bytes[1] === 3);
}
