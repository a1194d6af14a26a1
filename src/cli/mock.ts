import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { TclDataPlane } from '../mock/data-plane/tcl-data-plane.js';
import { startMockBigIp } from '../mock/mock-big-ip.js';
import type { TmosBranch } from '../mock/tmos-version.js';
import { Secret } from '../secret.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';

export interface MockFlags {
  readonly listen: { readonly host: string; readonly port: number };
  readonly user: { readonly name: string; readonly password: string };
  readonly dataPlane?: string;
  readonly tmosVersion: TmosBranch;
  readonly logFile?: string;
  readonly certificateFile?: string;
}

/** `mock`: a BIG-IP to try things on, until it is interrupted. */
export async function runMock(
  { output, clock, logger, signal }: CliContext,
  flags: MockFlags & GlobalFlags,
): Promise<ExitCode> {
  const logFile = flags.logFile === undefined ? undefined : createWriteStream(flags.logFile, { flags: 'a' });
  const dataPlane = new TclDataPlane({
    ...(flags.dataPlane === undefined ? {} : { bindHost: flags.dataPlane }),
    hostname: hostname(),
    clock,
    logger,
    log: (line) => (logFile === undefined ? output.progress(line) : logFile.write(`${line}\n`)),
  });
  const mock = await startMockBigIp({
    listen: flags.listen,
    users: [{ name: flags.user.name, password: new Secret(flags.user.password) }],
    tmosVersion: flags.tmosVersion,
    dataPlane,
    clock,
    logger,
  });
  try {
    if (flags.certificateFile !== undefined) await writeFile(flags.certificateFile, mock.certificatePem);
    output.line(`management certificate SHA-256 ${mock.fingerprint256}`);
    output.line(`ready ${mock.url}`);
    output.json({ ready: mock.url, fingerprint256: mock.fingerprint256 });
    if (!signal.aborted) await once(signal, 'abort');
    return 0;
  } finally {
    await mock.close();
    logFile?.end();
  }
}
