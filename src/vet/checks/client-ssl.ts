import type { Check, ServiceScope, Sighting } from '../check.js';
import { UnknownFact } from '../datum.js';
import type { Members } from '../facts.js';
import { clientSslOf, virtualOf } from '../virtual-server.js';

/** The client SSL profile of a service: each way around the rule that it can leave open. */
export const clientSslChecks: readonly Check[] = [
  profileCheck({
    code: 'BMV112',
    title: 'profile that does not demand a certificate',
    level: 'error',
    why: 'With peer-cert-mode ignore or request the handshake goes on without a certificate, or with one that failed verification; with authenticate once it is asked for once a session only.',
    mend: 'Run bigip-mesh apply: peerCertMode require, authenticate always, retainCertificate true.',
    wanted: { peerCertMode: 'require', authenticate: 'always', retainCertificate: 'true' },
  }),
  profileCheck({
    code: 'BMV113',
    title: 'profile that lets connections past TLS',
    level: 'error',
    why: 'Plaintext, or a connection whose certificate failed, is passed on without any event that the rule sees: a full bypass.',
    mend: 'Run bigip-mesh apply: allowNonSsl, bypassOnClientCertFail, bypassOnHandshakeAlert, sslForwardProxy and proxySsl disabled.',
    wanted: {
      allowNonSsl: 'disabled',
      bypassOnClientCertFail: 'disabled',
      bypassOnHandshakeAlert: 'disabled',
      sslForwardProxy: 'disabled',
      proxySsl: 'disabled',
    },
  }),
  profileCheck({
    code: 'BMV114',
    title: 'profile that resumes sessions',
    level: 'error',
    why: 'On a resumed session no certificate is asked for: a caller that was taken off the allowlist comes back in with its old session.',
    mend: 'Run bigip-mesh apply: cacheSize 0, sessionTicket and sessionMirroring disabled.',
    wanted: { cacheSize: 0, sessionTicket: 'disabled', sessionMirroring: 'disabled' },
  }),
  profileCheck({
    code: 'BMV115',
    title: 'profile that renegotiates or takes early data',
    level: 'error',
    why: 'A caller can change its certificate in mid connection after it was let in, or have its first bytes processed before the handshake is complete.',
    mend: 'Run bigip-mesh apply: renegotiation and data_0rtt disabled.',
    wanted: { renegotiation: 'disabled', data_0rtt: 'disabled' },
  }),
  {
    code: 'BMV116',
    title: 'profile with TLS 1.3',
    about: 'service',
    level: 'warning',
    why: 'TLS 1.3 resumes by PSK, without any certificate; how a BIG-IP treats client certificates then is not on record.',
    mend: 'Run bigip-mesh apply, which puts no-tlsv1.3 among the options of the profile.',
    look: (scope) =>
      servedProfiles(scope)
        .filter(
          (profile) =>
            profile['tmOptions'] !== undefined &&
            !wordsOf(profile['tmOptions']).includes('no-tlsv1.3') &&
            knowsTls13(profile),
        )
        .map((profile) => ({
          object: objectOf(profile),
          seen: `tmOptions is ${wordsOf(profile['tmOptions']).join(' ') || 'none'}`,
        })),
  },
];

function profileCheck({
  wanted,
  ...text
}: Pick<Check, 'code' | 'title' | 'level' | 'why' | 'mend'> & {
  readonly wanted: Readonly<Record<string, string | number>>;
}): Check {
  return {
    ...text,
    about: 'service',
    look: (scope) =>
      servedProfiles(scope).flatMap((profile) =>
        Object.entries(wanted)
          // A member that the release does not have cannot be wrong.
          .filter(([member, value]) => member in profile && profile[member] !== value)
          .map(([member]): Sighting => ({
            object: objectOf(profile),
            seen: `${member} is ${String(profile[member])}`,
          })),
      ),
  };
}

function servedProfiles({ device, deviceConfig, config }: ServiceScope): readonly Members[] {
  const virtual = virtualOf(device, deviceConfig, config);
  if (virtual === undefined)
    throw new UnknownFact({ reason: `the device does not serve ${config.name} yet` });
  return clientSslOf(device, virtual);
}

function objectOf(profile: Members): string {
  return `client SSL profile ${String(profile['fullPath'])}`;
}

/** An array up to 13, `{ a b }`, one word, or `none` later. */
function wordsOf(options: unknown): readonly string[] {
  const words = Array.isArray(options)
    ? options.map(String)
    : String(options).replaceAll(/[{}]/g, ' ').split(' ');
  return words.filter((word) => word !== '' && word !== 'none');
}

/** TLS 1.3 came with 14.0. */
function knowsTls13({ selfLink }: Members): boolean {
  const major = /[?&]ver=(\d+)\./.exec(String(selfLink))?.[1];
  return major === undefined || Number(major) >= 14;
}
