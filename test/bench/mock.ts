import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../src/clock.js';
import { startEchoService } from '../../src/demo/echo-service.js';
import { findFreePort } from '../../src/demo/free-port.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import { goodCallerId } from '../../src/demo/surroundings.js';
import { loadRule } from '../../src/irule/load-rule.js';
import { silentLogger } from '../../src/log.js';
import { localhostSubject, mintSelfSigned } from '../../src/mock/certificate/self-signed.js';
import { TclDataPlane } from '../../src/mock/data-plane/tcl-data-plane.js';
import { startMockBigIp } from '../../src/mock/mock-big-ip.js';
import { Secret } from '../../src/secret.js';
import type { Svid } from '../../src/spiffe/svid.js';
import { enforcing, rulePath } from '../unit/irule/rule-bench.js';
import { ManagementClient } from '../unit/mock/management-client.js';
import type { Job, Times } from './load.js';

export interface MockRow {
  readonly what: string;
  readonly measured: string;
  readonly goal: string;
}

const handshakes = 400;
const reads = 1500;
const rounds = 5;

/**
 * What the mock costs beside servers that do nothing but answer: mutual TLS handshakes, reads over REST, memory.
 *
 * The mock and the bare server take turns in the same run, and the clients work in a thread of their own. Times hold
 * for one machine; ratios travel.
 */
export async function measureMock(): Promise<readonly MockRow[]> {
  const load = new Worker(new URL('load.js', import.meta.url));
  try {
    return [...(await measureHandshakes(load)), ...(await measureReads(load)), ...(await measureObjects())];
  } finally {
    await load.terminate();
  }
}

async function run(load: Worker, job: Job): Promise<Times> {
  // A worker has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  load.postMessage(job);
  const [times] = (await once(load, 'message')) as [Times];
  return times;
}

async function measureHandshakes(load: Worker): Promise<readonly MockRow[]> {
  const ca = await MeshCa.create({ now: systemClock.now() });
  const served = await ca.mint('spiffe://cluster.local/ns/default/sa/bigip');
  const caller = await ca.mint(goodCallerId);
  const bare = createTlsServer({
    cert: served.renderLeafPem() + served.renderChainPem(),
    key: served.renderKeyPem().reveal(),
    ca: ca.trustBundle.toPem(),
    requestCert: true,
    rejectUnauthorized: true,
    maxVersion: 'TLSv1.2',
  });
  bare.on('secureConnection', (socket) => socket.on('error', () => undefined));
  bare.on('tlsClientError', () => undefined);
  bare.listen(0, '127.0.0.1');
  await once(bare, 'listening');

  const plane = new TclDataPlane({
    hostname: 'bench',
    clock: systemClock,
    logger: silentLogger(),
    log: () => undefined,
  });
  await plane.start();
  const echo = await startEchoService();
  const ports = { plain: await findFreePort(), ruled: await findFreePort() };
  const clientSsl = profileOf(ca, served);
  const rules = [{ fullPath: rulePath, text: await loadRule() }];
  const pool = { fullPath: '/mesh/echo_pool', members: [{ address: '127.0.0.1', port: echo.port }] };
  const virtual = { enabled: true, address: '127.0.0.1', clientSsl, pool };
  try {
    await plane.apply({
      virtualServers: [
        { ...virtual, fullPath: '/mesh/plain', port: ports.plain, rules: [] },
        { ...virtual, fullPath: '/mesh/echo', port: ports.ruled, rules },
      ],
      dataGroups: allowlistOf(goodCallerId),
    });
    const perSecond = async (port: number): Promise<number> => {
      const [ms = Number.NaN] = await run(load, {
        kind: 'handshakes',
        port,
        count: handshakes,
        atATime: 4,
        ca: ca.trustBundle.toPem(),
        cert: caller.renderLeafPem() + caller.renderChainPem(),
        key: caller.renderKeyPem().reveal(),
      });
      return (handshakes / ms) * 1000;
    };
    for (const port of Object.values(ports)) await requireAnswer(port, ca, caller);
    const { port: barePort } = bare.address() as AddressInfo;
    const best = { bare: 0, plain: 0, ruled: 0 };
    for (let round = 0; round < rounds; round += 1) {
      best.bare = Math.max(best.bare, await perSecond(barePort));
      best.plain = Math.max(best.plain, await perSecond(ports.plain));
      best.ruled = Math.max(best.ruled, await perSecond(ports.ruled));
    }
    const row = (what: string, rate: number): MockRow => ({
      what,
      measured: `${(rate / best.bare).toFixed(2)} times, ${rate.toFixed(0)}/s`,
      goal: '-',
    });
    return [
      row('mock: handshakes, no rule, against a bare server', best.plain),
      row('mock: handshakes, our rule, against a bare server', best.ruled),
    ];
  } finally {
    await plane.close();
    await echo.close();
    bare.close();
    await once(bare, 'close');
  }
}

/** What is measured is callers who get in. */
async function requireAnswer(port: number, ca: MeshCa, caller: Svid): Promise<void> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: ca.trustBundle.toPem(),
    cert: caller.renderLeafPem() + caller.renderChainPem(),
    key: caller.renderKeyPem().reveal(),
    checkServerIdentity: () => undefined,
  });
  socket.write('hi\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  if (answer.toString() !== 'HI\n') throw new Error(`the service on port ${port} answered something else`);
}

/** What the rule reads for /mesh/echo. */
function allowlistOf(caller: string) {
  const records = {
    allow: [{ name: caller, data: 'allow' }],
    deny: [],
    settings: Object.entries(enforcing).map(([name, data]) => ({ name, data })),
  };
  return Object.entries(records).map(([name, group]) => ({
    fullPath: `/mesh/echo_${name}`,
    type: 'string' as const,
    records: group,
  }));
}

function profileOf(ca: MeshCa, served: Svid) {
  const roots = ca.trustBundle.toPem();
  return {
    fullPath: '/mesh/echo_clientssl',
    certKeyChain: [
      { certPem: served.renderLeafPem(), keyPem: served.renderKeyPem(), chainPem: served.renderChainPem() },
    ],
    caPem: roots,
    clientCertCaPem: roots,
    peerCertMode: 'require',
    authenticate: 'always',
    authenticateDepth: 4,
    retainCertificate: true,
    cacheSize: 0,
    cacheTimeoutSeconds: 3600,
    sessionTicket: false,
    renegotiation: false,
    allowNonSsl: false,
    options: ['no-tlsv1.3'],
    handshakeTimeoutSeconds: 10,
  } as const;
}

async function measureReads(load: Worker): Promise<readonly MockRow[]> {
  const managementCertificate = await mintSelfSigned(localhostSubject, systemClock.now());
  const device = await startMockBigIp({
    listen: { host: '127.0.0.1', port: 0 },
    users: [{ name: 'admin', password: new Secret('admin-password') }],
    managementCertificate,
    clock: systemClock,
    logger: silentLogger(),
  });
  const client = new ManagementClient(device);
  const { token } = (await client.login()).json;
  const path = '/mgmt/tm/ltm/profile/client-ssl/~Common~clientssl';
  const body = (await client.get(path)).text;
  client.close();
  const bare = createHttpsServer(
    { cert: managementCertificate.pem, key: managementCertificate.keyPem.reveal(), maxVersion: 'TLSv1.2' },
    (_incoming, outgoing) => outgoing.setHeader('Content-Type', 'application/json').end(body),
  );
  bare.listen(0, '127.0.0.1');
  await once(bare, 'listening');
  try {
    const times = { bare: [] as number[], mock: [] as number[] };
    const headers = { 'x-f5-auth-token': (token as { token: string }).token };
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, port] of [
        ['bare', (bare.address() as AddressInfo).port],
        ['mock', Number(new URL(device.url).port)],
      ] as const) {
        const count = reads / rounds;
        const ca = managementCertificate.pem;
        times[name].push(...(await run(load, { kind: 'reads', port, path, count, ca, headers })));
      }
    }
    return [50, 99].map((percent) => {
      const [mock, plain] = [percentile(times.mock, percent), percentile(times.bare, percent)];
      return {
        what: `mock: p${percent} of a read, against a bare HTTPS GET`,
        measured: `${(mock / plain).toFixed(2)} times, ${mock.toFixed(2)} ms`,
        goal: '-',
      };
    });
  } finally {
    bare.close();
    bare.closeAllConnections();
    await device.close();
  }
}

async function measureObjects(): Promise<readonly MockRow[]> {
  const script = fileURLToPath(new URL('many-objects.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script]);
  const { before, after, commitMs } = JSON.parse(stdout) as Record<'before' | 'after' | 'commitMs', number>;
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return [
    {
      what: 'mock: RSS with 10,000 objects, without any',
      measured: `${mebibytes(after)} MiB, ${mebibytes(before)} MiB`,
      goal: '-',
    },
    {
      what: 'mock: a transaction of 1,000 beside 9,000 objects',
      measured: `${(commitMs / 1000).toFixed(1)} s`,
      goal: '-',
    },
  ];
}

function percentile(times: readonly number[], percent: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}
