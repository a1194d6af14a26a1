import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Agent } from '../../src/agent.js';
import { systemClock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { startScenario } from '../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import type { RequestRecord } from '../../src/icontrol/request.js';
import { silentLogger } from '../../src/log.js';
import { repositoryRoot } from '../support/shared-data.js';
import { measureControllerEdit } from './controller-edit.js';
import { measureMock } from './mock.js';
import { measureRotations } from './rotations.js';
import { measureRule } from './rule.js';
import { measureScale } from './scale.js';
import { measureWeek } from './week.js';

/*
 * The numbers that the design holds, as counts and ratios: `npm run bench`. Nothing here is asserted, because a
 * number that depends on a machine has no place in a test.
 *
 * The simulated time takes the longest, five minutes of one core a day: `npm run bench -- --days 7` is the week. Twenty
 * devices have a thousand services together, which takes eight minutes; `--services 5` is for the impatient.
 */

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly goal: string;
}

const { signal } = new AbortController();
const scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
const requests: RequestRecord[] = [];
const config = await loadConfig(scenario.configFile);
const agent = await Agent.open({
  config,
  kubeconfig: scenario.kubeconfigFile,
  clock: systemClock,
  logger: silentLogger(),
  signal,
  onRequest: (_device, request) => requests.push(request),
});
const [device] = config.devices;
if (device === undefined) throw new Error('the scenario has one device');

async function requestsOf(work: () => Promise<unknown>): Promise<RequestRecord[]> {
  requests.length = 0;
  await work();
  return [...requests];
}
const reads = (all: readonly RequestRecord[]): RequestRecord[] =>
  all.filter(({ method }) => method === 'GET');
const writes = (all: readonly RequestRecord[]): RequestRecord[] =>
  all.filter(({ method }) => method !== 'GET');
const bytes = (all: readonly RequestRecord[]): number =>
  all.reduce((sum, { bytesOut, path, method }) => sum + bytesOut + path.length + method.length, 0);
const isCleanUp = ({ path }: RequestRecord): boolean =>
  path.includes('unix-rm') || path.includes('unix-ls') || path === '/mgmt/tm/sys/config';
const isLogin = ({ path }: RequestRecord): boolean => path.startsWith('/mgmt/shared/auth');

const apply = (renew: ReadonlySet<string> = new Set()) => agent.reconcile(device, { mode: 'apply', renew });

const first = await requestsOf(() => apply());
const nothing = await requestsOf(() => apply());
const rotation = await requestsOf(() => apply(new Set(['echo'])));
await editAllowlist(scenario.kube, [goodCallerId, badCallerId], signal);
const edit = await requestsOf(() => apply());
await agent.close();
await scenario.close();

const swap = writes(rotation).filter((request) => !isCleanUp(request));
const enforced = writes(edit).filter((request) => !isCleanUp(request));
const help = medianMs([join(repositoryRoot, 'build', 'src', 'main.js'), '--help']);
const bare = medianMs(['-e', '0']);

print([
  { what: 'requests to swap one certificate pair', measured: String(swap.length), goal: 'at most 10' },
  {
    what: 'requests per rotation, save and clean-up included',
    measured: `${writes(rotation).length} writes, ${bytes(writes(rotation))} bytes`,
    goal: 'at most 18, 16384 bytes',
  },
  {
    what: 'allowlist edit, until enforced, with the fence',
    measured: `${enforced.length} requests, ${bytes(enforced)} bytes`,
    goal: 'at most 6, 3072 bytes',
  },
  {
    what: 'reconcile with nothing to do',
    measured: `${reads(nothing).length} GETs, ${writes(nothing).length} writes`,
    goal: 'at most 8 GETs, 0 writes',
  },
  {
    what: 'logins',
    measured: String(first.filter(({ path }) => path.endsWith('/login')).length),
    goal: '1 a device',
  },
  {
    what: 'first apply, logins aside',
    measured: `${first.filter((r) => !isLogin(r)).length} requests`,
    goal: '-',
  },
  {
    what: '--help against bare node',
    measured: `${(help / bare).toFixed(2)} times`,
    goal: 'at most 3 times',
  },
]);
print(await measureRotations());
print(await measureControllerEdit());
print(
  await measureScale({ devices: 20, servicesPerDevice: number('--services') ?? 50, entriesPerService: 100 }),
);
print(await measureRule());
print(await measureMock());
print(await measureWeek(number('--days') ?? 1));

/** At once, because what comes next may take long. */
function print(rows: readonly Row[]): void {
  for (const { what, measured, goal } of rows) {
    process.stdout.write(`${what.padEnd(52)} ${measured.padEnd(28)} ${goal}\n`);
  }
}

function number(option: string): number | undefined {
  const given = process.argv.indexOf(option);
  return given < 0 ? undefined : Number(process.argv[given + 1]);
}

function medianMs(args: readonly string[]): number {
  const times = Array.from({ length: 11 }, () => {
    const startedAt = process.hrtime.bigint();
    spawnSync(process.execPath, args, { stdio: 'ignore' });
    return Number(process.hrtime.bigint() - startedAt) / 1e6;
  });
  return times.toSorted((a, b) => a - b)[5] ?? Number.NaN;
}
