/** The TMOS branches that the mock speaks; each stands for a release that answers were recorded from, or its last. */
export const tmosBranches = ['13.1', '14.1', '15.1', '16.1', '17.1'] as const;
export type TmosBranch = (typeof tmosBranches)[number];

/** One TMOS release, as `sys/version` and the response headers tell of it. */
export interface TmosVersion {
  /** `17.1.2.1`; it stands in every `selfLink` as `ver`. */
  readonly version: string;
  readonly build: string;
  readonly edition: string;
  /** As `sys/version` prints it. */
  readonly date: string;
  /** The `Server` header. */
  readonly server: string;
  readonly contentType: string;
}

const oldJetty = {
  server: 'Jetty(9.2.22.v20170606)',
  contentType: 'application/json; charset=UTF-8',
};

const releases: Readonly<Record<TmosBranch, TmosVersion>> = {
  '13.1': {
    version: '13.1.5.1',
    build: '0.0.2',
    edition: 'Point Release 1',
    date: 'Thu Jun 30 03:05:48 PDT 2022',
    ...oldJetty,
  },
  '14.1': {
    version: '14.1.2.1',
    build: '0.0.4',
    edition: 'Point Release 1',
    date: 'Tue Sep 17 15:44:32 PDT 2019',
    ...oldJetty,
  },
  '15.1': {
    version: '15.1.10.2',
    build: '0.44.2',
    edition: 'Point Release 2',
    date: 'Tue Oct  3 13:40:22 PDT 2023',
    ...oldJetty,
  },
  '16.1': {
    version: '16.1.3.3',
    build: '0.0.3',
    edition: 'Point Release 3',
    date: 'Thu Dec 15 02:31:54 PST 2022',
    ...oldJetty,
  },
  '17.1': {
    version: '17.1.2.1',
    build: '0.0.2',
    edition: 'Point Release 1',
    date: 'Wed Jan 22 08:40:50 PST 2025',
    server: 'Jetty(9.4.49.v20220914)',
    contentType: 'application/json;charset=utf-8',
  },
};

export function tmosVersion(branch: TmosBranch): TmosVersion {
  return releases[branch];
}

/** Whether a release is of a branch (`14.0`) or newer. */
export function isAtLeast(tmos: TmosVersion, branch: string): boolean {
  const [major = 0, minor = 0] = tmos.version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = branch.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
