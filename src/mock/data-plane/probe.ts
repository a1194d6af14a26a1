import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** One look at a pool member, in the words of `ltm/monitor`. */
export interface Probe {
  readonly type: 'tcp' | 'tcp-half-open' | 'http' | 'https';
  readonly address: string;
  readonly port: number;
  /** What is said first; `\r` and `\n` in it stand for CR and LF. */
  readonly send?: string;
  /** A regular expression that the answer has to match; absent: any answer will do, or none where nothing is said. */
  readonly receive?: string;
  /** An answer that matches means that the member does not serve. */
  readonly isReversed: boolean;
}

/** `refused` is a reset, which counts at once; what is `silent` may still come before the monitor's timeout. */
export type ProbeOutcome = 'up' | 'refused' | 'silent';

/** Enough for any pattern; bigd looks at the first 5,120 bytes. */
const maxAnswerBytes = 5120;

/** Looks once; `silent` when the signal aborts first. The connection is gone when it resolves. */
export async function runProbe(probe: Probe, signal: AbortSignal): Promise<ProbeOutcome> {
  if (signal.aborted) return 'silent';
  const { type, address: host, port } = probe;
  // A monitor proves that somebody serves, not who: an https monitor of a BIG-IP verifies nothing either.
  const socket: Socket =
    type === 'https' ? connectTls({ host, port, rejectUnauthorized: false }) : connect({ host, port });
  const stop = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await once(socket, type === 'https' ? 'secureConnect' : 'connect', { signal });
    if (type === 'tcp-half-open') return 'up';
    return await converse(socket, probe, signal);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ECONNREFUSED' || code === 'ECONNRESET' ? 'refused' : 'silent';
  } finally {
    signal.removeEventListener('abort', stop);
    socket.on('error', () => undefined);
    socket.destroy();
  }
}

async function converse(socket: Socket, probe: Probe, signal: AbortSignal): Promise<ProbeOutcome> {
  const { send, receive, isReversed } = probe;
  if (send === undefined && receive === undefined) return 'up';
  if (send !== undefined) socket.write(requestText(probe.type, send));
  if (receive === undefined && probe.type === 'tcp') return 'up';
  const pattern = new RegExp(receive ?? '', 's');
  let answer = '';
  const ended = once(socket, 'end', { signal });
  ended.catch(() => undefined);
  while (answer.length < maxAnswerBytes) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) {
      answer += chunk.toString('latin1');
      if (pattern.test(answer)) return isReversed ? 'silent' : 'up';
      continue;
    }
    if (socket.readableEnded) break;
    await Promise.race([once(socket, 'readable', { signal }), ended]);
  }
  return isReversed && answer !== '' ? 'up' : 'silent';
}

/** The text with its escapes resolved; a request of HTTP is completed by the blank line that ends it. */
function requestText(type: Probe['type'], send: string): string {
  const text = send.replaceAll(String.raw`\r`, '\r').replaceAll(String.raw`\n`, '\n');
  if (type === 'tcp' || text.endsWith('\r\n\r\n')) return text;
  return `${text.replace(/(?:\r\n)+$/, '')}\r\n\r\n`;
}
