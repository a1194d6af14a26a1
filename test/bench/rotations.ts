import { rotateUnderLoad } from './rotation-load.js';

const rotations = 1000;

export interface RotationRow {
  readonly what: string;
  readonly measured: string;
  readonly goal: string;
}

/** A thousand rotations while callers come and stay. */
export async function measureRotations(): Promise<readonly RotationRow[]> {
  const seen = await rotateUnderLoad({ rotations, callers: 2, longLived: 20 });
  const { bytes, exchanges, failures, generations, handshakes, requests, swapRequests } = seen;
  for (const failure of failures.slice(0, 10)) process.stderr.write(`${failure}\n`);
  for (const leftover of seen.leftovers.slice(0, 10)) process.stderr.write(`left over: ${leftover}\n`);
  return [
    {
      what: `${rotations} rotations: failed handshakes, broken connections`,
      measured: `${failures.length} of ${handshakes} new ones, and of ${exchanges} exchanges`,
      goal: '0',
    },
    {
      what: `${rotations} rotations: mixed pairs`,
      measured: `${seen.mixedPairs}, and ${seen.unknownCertificates} unknown certificates`,
      goal: '0',
    },
    { what: `${rotations} rotations: leftovers`, measured: String(seen.leftovers.length), goal: '0' },
    {
      what: `${rotations} rotations: requests to swap, the most`,
      measured: String(swapRequests),
      goal: 'at most 10',
    },
    {
      what: `${rotations} rotations: requests in all, the most`,
      measured: `${requests}, ${bytes} bytes`,
      goal: 'at most 18, 16384 bytes',
    },
    {
      what: 'certificates that open connections were made with',
      measured: String(generations),
      goal: '-',
    },
  ];
}
