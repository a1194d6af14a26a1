import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import { startScenario } from '../../src/demo/scenario.js';
import { deviceUser, goodCallerId } from '../../src/demo/surroundings.js';
import { IControlClient } from '../../src/icontrol/client.js';
import { Device } from '../../src/icontrol/device.js';
import type { RequestRecord } from '../../src/icontrol/request.js';
import type { IdentitySource } from '../../src/identity/identity-source.js';
import { loadRule } from '../../src/irule/load-rule.js';
import { silentLogger } from '../../src/log.js';
import { readMeshFacts } from '../../src/mesh/mesh-facts.js';
import { CallerCache } from '../../src/proof/caller-cache.js';
import { strictAllowlists } from '../../src/reconcile/read-allowlist.js';
import { RevocationMemory } from '../../src/reconcile/revocation/revocation-memory.js';
import { HeardRoots } from '../../src/reconcile/root-rotation/heard-roots.js';
import { runOnce } from '../../src/reconcile/run-once.js';
import type { ReconcilePorts, ReconcileReport } from '../../src/reconcile/run-once.js';
import { retentionMs } from '../../src/reconcile/retirement.js';
import { Secret } from '../../src/secret.js';
import { DeviceContents } from '../support/device-contents.js';
import { SteadyCallers } from './steady-callers.js';

/** What was seen while one certificate replaced another, again and again. Figures a rotation are those of the worst. */
export interface RotationLoad {
  readonly rotations: number;
  readonly handshakes: number;
  readonly exchanges: number;
  /** Certificates with which long-lived connections were made. */
  readonly generations: number;
  /** Handshakes that failed and connections that broke. */
  readonly failures: readonly string[];
  /** Certificates that were served to callers and that no rotation had installed. */
  readonly unknownCertificates: number;
  /** Rotations after which certificate, key and chain of the profile, or what is served, did not belong together. */
  readonly mixedPairs: number;
  /** Objects, uploads, transactions and logins that are on the device at the end and of no use. */
  readonly leftovers: readonly string[];
  /** Changing requests until the new pair is in use, the fence and the ledger included. */
  readonly swapRequests: number;
  /** Those, saving, tidying, and the later removal of the replaced pair. */
  readonly requests: number;
  /** What all of these send: bodies, methods and paths. */
  readonly bytes: number;
}

export interface RotationLoadOptions {
  readonly rotations: number;
  /** Callers who make one new connection after the other. */
  readonly callers: number;
  /** Connections that stay; half are made at the start, the others one by one as rotations go on. */
  readonly longLived: number;
}

const { signal } = new AbortController();
const day = 24 * 3_600_000;

/** Certificates are valid by the system's time, as TLS looks at it; what the reconcile takes for the time runs ahead. */
class ReconcileClock implements Clock {
  #aheadMs = 0;
  now(): Date {
    return new Date(Date.now() + this.#aheadMs);
  }
  sleep(ms: number, until?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, until);
  }
  moveOn(ms: number): void {
    this.#aheadMs += ms;
  }
}

/**
 * The time of the client. What slows the device down here are the callers, who share a process with it: the pauses with
 * which the client spares a device in trouble would only make the measurement longer. Deadlines are left as they are.
 */
class ClientClock implements Clock {
  /** Up to which length a sleep is over at once. */
  skippedMs = 5000;
  now(): Date {
    return systemClock.now();
  }
  sleep(ms: number, until?: AbortSignal): Promise<void> {
    return ms <= this.skippedMs ? Promise.resolve() : systemClock.sleep(ms, until);
  }
}

/**
 * Rotates the certificate of a mesh service on the mock BIG-IP, over and over, while callers come and stay: by the same
 * reconcile that commands and the controller run. After each rotation the time of the replaced pair comes to its end,
 * and one more reconcile removes it.
 */
export async function rotateUnderLoad({
  rotations,
  callers: atATime,
  longLived,
}: RotationLoadOptions): Promise<RotationLoad> {
  const logger = silentLogger();
  const scenario = await startScenario({ clock: systemClock, logger });
  const { bigIp, kube, listen, meshCa } = scenario;
  const config = await loadConfig(scenario.configFile);
  const [device] = config.devices;
  if (device === undefined) throw new Error('the scenario has one device');
  let sent: RequestRecord[] = [];
  const clientClock = new ClientClock();
  const client = new IControlClient({
    url: bigIp.url,
    credentials: () =>
      Promise.resolve({ username: deviceUser.name, password: new Secret(deviceUser.password) }),
    tls: { fingerprint256: bigIp.fingerprint256 },
    clock: clientClock,
    logger,
    onRequest: (request) => sent.push(request),
  });
  const clock = new ReconcileClock();
  const heardRoots = new HeardRoots();
  const source: IdentitySource = {
    name: 'the mesh CA in memory',
    canImpersonate: true,
    mintsKeys: true,
    fetchTrustBundle: () => Promise.resolve(meshCa.trustBundle),
    fetchSvid: async ({ spiffeId }) => ({
      svid: await meshCa.mint(spiffeId.text, { now: systemClock.now(), ttlMs: 90 * day }),
      trustBundle: meshCa.trustBundle,
    }),
  };
  const meshFacts = await readMeshFacts(kube, config.mesh.rootNamespace, signal);
  const ports: ReconcilePorts = {
    client,
    units: new Device({ units: [client], clock: systemClock, logger }),
    allowlists: strictAllowlists(kube, meshFacts),
    identitySource: heardRoots.listen(source),
    heardRoots,
    readRevocationLists: () => Promise.resolve(undefined),
    revocationMemory: new RevocationMemory(),
    readCounters: () => Promise.resolve({ unit: client.device, services: new Map() }),
    meshFacts,
    // The mesh learns nothing new from a rotation.
    registrar: { register: () => Promise.resolve(), drain: () => Promise.resolve() },
    callers: new CallerCache(systemClock),
    clock,
    ruleText: await loadRule(),
    onStep: () => undefined,
  };
  const reconcile = (renew: readonly string[] = []): Promise<ReconcileReport> =>
    runOnce(config, device, ports, {
      mode: 'apply',
      renew: new Set(renew),
      isSaved: true,
      holder: 'bench',
      signal,
    });

  const contents = await DeviceContents.open(bigIp);
  const installed = new Set<string>();
  const worst = { swapRequests: 0, requests: 0, bytes: 0 };
  let mixedPairs = 0;
  let callers: SteadyCallers | undefined;
  try {
    installed.add(servedBy(await reconcile()));
    const caller = await meshCa.mint(goodCallerId, { now: systemClock.now(), ttlMs: day });
    callers = new SteadyCallers({ port: listen.port, trustBundle: meshCa.trustBundle, caller });
    for (let one = 0; one < longLived / 2; one += 1) await callers.open();
    callers.start(atATime);
    for (let rotation = 1; rotation <= rotations; rotation += 1) {
      sent = [];
      const served = servedBy(await reconcile(['echo']));
      installed.add(served);
      const swap = writes(sent);
      const commit = swap.findIndex(
        ({ method, path }) => method === 'PATCH' && /transaction\/\d+$/.test(path),
      );
      if (!(await isOnePair(contents, served))) mixedPairs += 1;
      if (rotation <= longLived / 2) await callers.open();
      await callers.exchange(`rotation ${rotation}`);
      clock.moveOn(retentionMs);
      await reconcile();
      const all = writes(sent);
      worst.swapRequests = Math.max(worst.swapRequests, commit + 1);
      worst.requests = Math.max(worst.requests, all.length);
      worst.bytes = Math.max(worst.bytes, bytesOf(all));
      // The history of a thousand rotations would take more memory than the device.
      bigIp.forgetRequests();
    }
    await callers.exchange('still here');
    await callers.stop();
    clientClock.skippedMs = 0;
    await client.close();
    return {
      rotations,
      handshakes: callers.handshakes,
      exchanges: callers.exchanges,
      generations: callers.generations,
      failures: callers.failures,
      unknownCertificates: [...callers.served].filter((fingerprint) => !installed.has(fingerprint)).length,
      mixedPairs,
      leftovers: await leftovers(contents),
      ...worst,
    };
  } finally {
    await callers?.stop();
    contents.close();
    await client.close();
    await scenario.close();
  }
}

/** @throws when the service was not proven: then there is nothing to measure */
function servedBy({ proofs }: ReconcileReport): string {
  const proof = proofs.get('echo');
  if (proof?.passed !== true || proof.servedFingerprint === undefined) throw new Error('echo is not proven');
  return proof.servedFingerprint;
}

async function isOnePair(contents: DeviceContents, served: string): Promise<boolean> {
  const { cert, key, chain } = await contents.pair('echo');
  const name = `echo_${served.slice(0, 12)}`;
  return cert === `${name}.crt` && key === `${name}.key` && chain.startsWith('ca_chain_');
}

/** What is neither in use by the profile nor the one bundle. */
async function leftovers(contents: DeviceContents): Promise<string[]> {
  const inUse = new Set<string>(Object.values(await contents.pair('echo')));
  const files = (await contents.files()).filter((name) => !inUse.has(name));
  const bundles = files.filter((name) => name.startsWith('trust_bundle_'));
  const transactions = await contents.transactions();
  const tokens = await contents.tokens();
  return [
    ...files.filter((name) => !bundles.includes(name)),
    ...bundles.slice(1),
    ...(await contents.uploads()),
    ...(transactions === 0 ? [] : [`${transactions} transactions`]),
    ...(tokens === 0 ? [] : [`${tokens} logins`]),
  ];
}

/** Requests that change something, logins aside. */
function writes(requests: readonly RequestRecord[]): RequestRecord[] {
  return requests.filter(({ method, path }) => method !== 'GET' && !path.startsWith('/mgmt/shared/auth'));
}

function bytesOf(requests: readonly RequestRecord[]): number {
  return requests.reduce(
    (sum, { bytesOut, path, method }) => sum + bytesOut + path.length + method.length,
    0,
  );
}
