/** The oldest release that the agent knows: non-administrators may use REST from it on, and it has sys/ready. */
export const oldestSupported = '13.1';

interface Defect {
  /** First and first mended release; both may be left open. */
  readonly from?: string;
  readonly until?: string;
  readonly text: string;
}

/** Defects on record that bear on what the agent or its users do. */
const defects: readonly Defect[] = [
  {
    from: '17.1.2',
    until: '17.1.3',
    text: 'dead login tokens are kept until restjavad restarts (F5 ID 1787517): tools that log in often lock themselves out',
  },
  {
    until: '16.1',
    text: 'restjavad cuts error answers at 2 kB, so that a refusal may read "request failed with null exception"',
  },
  {
    from: '13.1.3',
    until: '14.0',
    text: 'X509::subject writes names in the old order (F5 ID 607410): other rules that parse it may misjudge callers',
  },
];

export function deviceDefects(version: string): readonly string[] {
  return defects
    .filter(
      ({ from, until }) =>
        (from === undefined || isAtLeast(version, from)) &&
        (until === undefined || !isAtLeast(version, until)),
    )
    .map(({ text }) => text);
}

/** @param version, wanted dotted numbers such as `16.1.3.3` */
export function isAtLeast(version: string, wanted: string): boolean {
  const own = version.split('.').map(Number);
  for (const [index, number] of wanted.split('.').map(Number).entries()) {
    const part = own[index] ?? 0;
    if (part !== number) return part > number;
  }
  return true;
}
