import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LogHistory } from '../mock/data-plane/log-history.js';
import { TclDataPlane } from '../mock/data-plane/tcl-data-plane.js';
import { AgentError } from '../errors.js';
import type { FaultRule } from '../mock/faults/fault.js';
import { parseFault } from '../mock/faults/parse-fault.js';
import { startMockPair } from '../mock/ha/mock-pair.js';
import type { PairUnitOptions } from '../mock/ha/mock-pair.js';
import { startMockBigIp } from '../mock/mock-big-ip.js';
import type { MockBigIp } from '../mock/mock-big-ip.js';
import type { TmosBranch } from '../mock/tmos-version.js';
import { Secret } from '../secret.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';

interface HostPort {
  readonly host: string;
  readonly port: number;
}

interface MockFlags {
  readonly listen: HostPort;
  readonly user: { readonly name: string; readonly password: string };
  readonly dataPlane?: string;
  /** The management address of a second unit. */
  readonly ha?: HostPort;
  readonly tmosVersion: TmosBranch;
  readonly state?: string;
  readonly control?: HostPort;
  /** As written: `latency,ms=100`. */
  readonly fault: readonly string[];
  readonly seed?: number;
  readonly logFile?: string;
  readonly certificateFile?: string;
}

interface RunningMock {
  readonly units: readonly MockBigIp[];
  readonly controlUrl?: string;
  close(): Promise<void>;
}

/** `mock`: a BIG-IP to try things on, or a pair of them, until it is interrupted. */
export async function runMock(context: CliContext, flags: MockFlags & GlobalFlags): Promise<ExitCode> {
  const { output, signal } = context;
  const logFile = flags.logFile === undefined ? undefined : createWriteStream(flags.logFile, { flags: 'a' });
  const log = (line: string): void => {
    if (logFile === undefined) output.progress(line);
    else logFile.write(`${line}\n`);
  };
  const mock = await start(context, flags, log);
  try {
    if (flags.certificateFile !== undefined) {
      await writeFile(flags.certificateFile, mock.units.map(({ certificatePem }) => certificatePem).join(''));
    }
    for (const { fingerprint256, url } of mock.units) {
      output.line(`management certificate of ${url} SHA-256 ${fingerprint256}`);
    }
    if (mock.controlUrl !== undefined) output.line(`control ${mock.controlUrl}`);
    for (const { fingerprint256, url } of mock.units) {
      output.line(`ready ${url}`);
      output.json({ ready: url, fingerprint256, control: mock.controlUrl });
    }
    if (!signal.aborted) await once(signal, 'abort');
    return 0;
  } finally {
    await mock.close();
    logFile?.end();
  }
}

function faultNamed(text: string): FaultRule {
  const fault = parseFault(text);
  if (fault.ok) return fault.value;
  throw new AgentError('MESH_ERR_USAGE', `--fault ${fault.reason}`, 'write it like --fault latency,ms=100');
}

async function start(
  { clock, logger }: CliContext,
  flags: MockFlags,
  log: (line: string) => void,
): Promise<RunningMock> {
  const unit = (listen: HostPort, number: number): PairUnitOptions => {
    const hostname = `bigip${number}.example.com`;
    const history = new LogHistory();
    return {
      listen,
      hostname,
      log: history,
      dataPlane: new TclDataPlane({
        ...(flags.dataPlane === undefined ? {} : { bindHost: flags.dataPlane }),
        hostname: `bigip${number}`,
        clock,
        logger,
        log: (line) => {
          history.add(line);
          log(line);
        },
      }),
      ...(flags.state === undefined ? {} : { stateDir: join(flags.state, `unit-${number}`) }),
    };
  };
  const shared = {
    users: [{ name: flags.user.name, password: new Secret(flags.user.password) }],
    tmosVersion: flags.tmosVersion,
    faults: flags.fault.map(faultNamed),
    ...(flags.control === undefined ? {} : { control: flags.control }),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
    clock,
    logger,
  };
  if (flags.ha !== undefined) {
    return startMockPair({ ...shared, units: [unit(flags.listen, 1), unit(flags.ha, 2)] });
  }
  const single = await startMockBigIp({ ...shared, ...unit(flags.listen, 1) });
  return {
    units: [single],
    ...(single.controlUrl === undefined ? {} : { controlUrl: single.controlUrl }),
    close: () => single.close(),
  };
}
