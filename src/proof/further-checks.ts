import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Svid } from '../spiffe/svid.js';
import { describeConnectionError } from './connection-error.js';
import type { ProofCheck, ProofRequest, Unproven } from './proof.js';

const deadlineMs = 5000;

/** What became of one handshake: it was completed, or not and why. */
type Handshake =
  | {
      readonly is: 'completed';
      readonly protocol: string;
      readonly isResumed: boolean;
      readonly session: Buffer | undefined;
    }
  | { readonly is: 'refused' | 'impossible'; readonly reason: string };

/** Errors of our own TLS library, which never asked the device. */
const ownErrors = /NO_PROTOCOLS_AVAILABLE|NO_CIPHERS_AVAILABLE|UNSUPPORTED_PROTOCOL|INTERNAL_ERROR/;

/**
 * Checks that take a good caller and are made on demand only: an old TLS version gets nothing although the caller is on
 * the allowlist, and a session is never resumed. A resumed session would let in a caller who has been taken off the
 * allowlist, on a device that decides by what it remembers of him.
 *
 * Without a good caller they are left out, and say so.
 */
export async function furtherChecks(
  request: ProofRequest,
): Promise<{ readonly checks: readonly ProofCheck[]; readonly unproven: readonly Unproven[] }> {
  const { good } = request.callers;
  if (good === undefined) {
    const reason = 'it takes a good caller';
    return {
      checks: [],
      unproven: [
        { name: 'old TLS version', reason },
        { name: 'resumed session', reason },
      ],
    };
  }
  const old = await oldVersionCheck(request, good);
  return {
    checks: [...('seen' in old ? [old] : []), await resumptionCheck(request, good)],
    unproven: 'seen' in old ? [] : [old],
  };
}

async function oldVersionCheck(request: ProofRequest, good: Svid): Promise<ProofCheck | Unproven> {
  const handshake = await shakeHands(request, good, {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    // OpenSSL 3 leaves SHA-1 signatures, which those versions need, out of its default level.
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  const name = 'old TLS version';
  if (handshake.is === 'impossible') return { name, reason: handshake.reason };
  const isCompleted = handshake.is === 'completed';
  return {
    name,
    caller: `${good.spiffeId.text}, in TLS 1.1 at most`,
    expected: 'gets nothing',
    seen: isCompleted ? `${handshake.protocol} was accepted` : handshake.reason,
    passed: !isCompleted,
  };
}

async function resumptionCheck(request: ProofRequest, good: Svid): Promise<ProofCheck> {
  const check = (seen: string, passed: boolean): ProofCheck => ({
    name: 'resumed session',
    caller: `${good.spiffeId.text}, with the session of an earlier call`,
    expected: 'starts anew',
    seen,
    passed,
  });
  const first = await shakeHands(request, good, { maxVersion: 'TLSv1.2' });
  if (first.is !== 'completed') return check(`the first call failed: ${first.reason}`, false);
  if (first.session === undefined) return check('no session was offered', true);
  const second = await shakeHands(request, good, { maxVersion: 'TLSv1.2', session: first.session });
  if (second.is !== 'completed') return check(second.reason, true);
  return check(second.isResumed ? 'the session was resumed' : 'a full handshake', !second.isResumed);
}

function shakeHands(
  { address, port, host, trustBundle }: ProofRequest,
  caller: Svid,
  options: ConnectionOptions,
): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      host: address,
      port,
      servername: `outbound_.${port}_._.${host}`,
      ca: trustBundle.toPem(),
      cert: caller.renderLeafPem() + caller.renderChainPem(),
      key: caller.renderKeyPem().reveal(),
      // Whose certificate is served is the proof's question; here it is whether one gets that far.
      checkServerIdentity: () => undefined,
      ...options,
    });
    const end = (handshake: Handshake): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
      resolve(handshake);
    };
    const timer = setTimeout(
      () => end({ is: 'refused', reason: `no handshake within ${deadlineMs} ms` }),
      deadlineMs,
    );
    socket.once('secureConnect', () =>
      end({
        is: 'completed',
        protocol: socket.getProtocol() ?? 'an unknown version',
        isResumed: socket.isSessionReused(),
        session: socket.getSession(),
      }),
    );
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const reason = describeConnectionError(error);
      end({ is: ownErrors.test(error.code ?? '') ? 'impossible' : 'refused', reason });
    });
    socket.once('close', () => end({ is: 'refused', reason: 'connection closed' }));
  });
}
