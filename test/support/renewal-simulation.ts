import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Agent, AgentReconcile } from '../../src/agent.js';
import { parseConfig } from '../../src/config/load-config.js';
import type { DeviceConfig } from '../../src/config/schema.js';
import { DeviceReconciler } from '../../src/controller/device-reconciler.js';
import { EventRecorder } from '../../src/controller/event-recorder.js';
import type { HeldAllowlists } from '../../src/controller/held-allowlists.js';
import { Metrics } from '../../src/controller/metrics.js';
import type { StatusWriter } from '../../src/controller/status-config-map.js';
import { WorkQueue } from '../../src/controller/work-queue.js';
import { AgentError } from '../../src/errors.js';
import type { FetchedSvid, IdentitySource, SvidRequest } from '../../src/identity/identity-source.js';
import { SourceBackOff } from '../../src/identity/source-back-off.js';
import type { KubeObject } from '../../src/kube/object.js';
import { silentLogger } from '../../src/log.js';
import { issueCertificate } from '../../src/pki/issue-certificate.js';
import type { Proof } from '../../src/proof/proof.js';
import { desireDevice } from '../../src/reconcile/desire.js';
import type { Desire } from '../../src/reconcile/desire.js';
import { desiredObjects } from '../../src/reconcile/desired.js';
import type { ObservedObject } from '../../src/reconcile/device-object.js';
import { ledgerKey } from '../../src/reconcile/ledger.js';
import type { LedgerEntry } from '../../src/reconcile/ledger.js';
import type { ObservedDevice } from '../../src/reconcile/observed.js';
import type { ReconcileReport } from '../../src/reconcile/run-once.js';
import { RevocationMemory } from '../../src/reconcile/revocation/revocation-memory.js';
import { HeardRoots } from '../../src/reconcile/root-rotation/heard-roots.js';
import { Svid } from '../../src/spiffe/svid.js';
import { TrustBundle } from '../../src/spiffe/trust-bundle.js';
import { FakeClock } from './fake-clock.js';
import { openFence } from './open-fence.js';

const hourMs = 3_600_000;
const clockSkewMs = 120_000;
const stepMs = 1000;

interface SimulationOptions {
  readonly services: number;
  readonly devices: number;
  /** Of each certificate. */
  readonly ttlMs: number;
  /** How long a reconcile takes that changes something. */
  readonly changeMs?: number;
  /** YAML, behind `maintenanceWindows:`. */
  readonly maintenanceWindows?: string;
  readonly start?: string;
}

interface Swap {
  readonly at: Date;
  readonly service: string;
}

/**
 * Many services for a long time: the controller's own queue, reconciler, pace, back-off and desired state, on a clock
 * that a test moves. Only what lies outside of the process is made up: a device that holds what it is given, and a mesh
 * CA that signs a new key each time.
 */
export class RenewalSimulation {
  readonly clock: FakeClock;
  readonly metrics: Metrics;
  /** Each request that reached the mesh CA. */
  readonly requests: Swap[] = [];
  /** Each certificate that took the place of an earlier one, when the device had it. */
  readonly renewals: Swap[] = [];
  /** Services whose certificate expired before there was another one. */
  readonly missed: Swap[] = [];
  readonly events: KubeObject[] = [];
  /** Reconciles. */
  looks = 0;
  /** Undefined while the CA answers. */
  caFailure: ((spiffeId: string) => AgentError | undefined) | undefined;
  /** SHA-256 of the public keys that the devices hold or held; a key that comes twice is a defect. */
  #keys = 0;
  readonly #lastKeys = new Set<string>();
  readonly #leaves = new Map<string, X509Certificate>();
  readonly #options: SimulationOptions;
  readonly #held = new Map<string, ObservedDevice>();
  readonly #expiry = new Map<string, Date>();
  readonly #stop = new AbortController();
  readonly #running: Array<Promise<unknown>> = [];
  readonly #reconciler: DeviceReconciler;
  readonly #queue: WorkQueue;
  readonly #authority: { readonly certificate: X509Certificate; readonly privateKey: KeyObject };
  readonly #devices: readonly string[];

  constructor(options: SimulationOptions) {
    this.#options = options;
    const clock = new FakeClock(options.start);
    this.clock = clock;
    this.metrics = new Metrics(clock);
    this.#devices = Array.from({ length: options.devices }, (_, index) => `edge-${index}`);
    this.#authority = makeRoot(clock.now());
    const config = parseConfig(this.#configText(), 'config.yaml');
    const trustBundle = TrustBundle.of([
      { origin: 'the mesh', certificates: [this.#authority.certificate], isPublished: true },
    ]);
    const source = new SourceBackOff({ clock, random: () => 0 }).spare(this.#meshCa(trustBundle));
    const heardRoots = new Map(this.#devices.map((device) => [device, new HeardRoots()]));
    const reconcile = async (
      device: DeviceConfig,
      { pace, onServiceFailure, signal = this.#stop.signal }: AgentReconcile,
    ): Promise<ReconcileReport> => {
      this.looks += 1;
      const observed = this.#held.get(device.name) ?? emptyDevice;
      const desire = await desireDevice(
        config,
        device,
        observed,
        {
          allowlists: {
            read: () => Promise.resolve({ allowlist: { allow: [], deny: [], mode: 'enforce' } }),
          },
          identitySource: source,
          heardRoots: heardRoots.get(device.name) ?? new HeardRoots(),
          readRevocationLists: () => Promise.resolve(undefined),
          revocationMemory: new RevocationMemory(),
          readCounters: () => Promise.reject(new Error('no root goes')),
          meshFacts: { trustDomain: 'cluster.local', trustDomainAliases: [], rootNamespace: 'istio-system' },
          clock,
          ruleText: '# bigip-mesh-agent',
        },
        { renew: new Set(), pace, onServiceFailure: onServiceFailure ?? (() => undefined), signal },
      );
      const isChanged = desire.services.some(({ isNewPair }) => isNewPair);
      if (isChanged) {
        await clock.sleep(options.changeMs ?? 0, signal);
        this.#install(device.name, desire);
      }
      const proofs = new Map(desire.services.map(({ config: { name } }) => [name, passing]));
      const plan = { createPartition: false, changes: [], blockers: [], unlisted: [], epoch: 1 };
      return {
        device: device.name,
        plan: { ...plan, ledger: undefined },
        desire,
        proofs,
        notApplied: new Set(),
      };
    };
    const agent: Pick<Agent, 'config' | 'reconcile' | 'refreshMeshFacts' | 'prove' | 'settle'> = {
      config,
      reconcile,
      refreshMeshFacts: () => Promise.resolve(),
      prove: () => Promise.resolve(passing),
      settle: () => Promise.resolve(),
    };
    const logger = silentLogger();
    const kube = {
      create: (_kind: unknown, object: KubeObject) => {
        this.events.push(object);
        return Promise.resolve(object);
      },
    };
    const ref = { namespace: 'default', name: 'callers', uid: 'u', resourceVersion: '1' };
    this.#reconciler = new DeviceReconciler({
      agent,
      allowlists: {
        view: () => ({
          sources: [{ ...ref, refusals: [], isDenyKept: false }],
          policies: undefined,
          lack: undefined,
        }),
        takeRemoval: () => undefined,
      } as unknown as HeldAllowlists,
      metrics: this.metrics,
      events: new EventRecorder({ kube, instance: 'one', clock, logger }),
      status: { configMap: undefined, write: () => Promise.resolve() } as unknown as StatusWriter,
      fence: openFence,
      doubt: () => undefined,
      prove: () => undefined,
      clock,
      random: () => 0.5,
      logger,
    });
    this.#queue = new WorkQueue({
      clock,
      random: () => 0.5,
      work: (device, since, signal) => this.#reconciler.reconcile(device, since, signal),
    });
  }

  /** Begins to lead every device; the first certificates are installed as time moves on. */
  start(): void {
    for (const device of this.#devices) this.#reconciler.begin(device);
    this.#running.push(
      this.#queue.take(this.#devices, this.#stop.signal),
      this.#queue.run(this.#stop.signal),
    );
    for (const device of this.#devices) this.#queue.add(device);
  }

  /** In steps of a second, so that whoever is at work can lie down to sleep before time goes on. */
  async advance(ms: number): Promise<void> {
    for (let doneMs = 0; doneMs < ms; doneMs += stepMs)
      await this.clock.advance(Math.min(stepMs, ms - doneMs));
  }

  /** Services whose certificate has expired. */
  get expired(): string[] {
    const now = this.clock.now();
    return [...this.#expiry].filter(([, expiry]) => expiry <= now).map(([service]) => service);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the simulation is over'));
    await Promise.all(this.#running);
  }

  /** How many services have a certificate. */
  get installed(): number {
    return this.#expiry.size;
  }

  /** How many keys were made, and none twice. */
  get keys(): number {
    return this.#keys;
  }

  #configText(): string {
    const { services, ttlMs, maintenanceWindows } = this.#options;
    const windows = maintenanceWindows === undefined ? '' : `\n    maintenanceWindows: ${maintenanceWindows}`;
    const device = (name: string, index: number): string => `
  - name: ${name}
    urls: ["https://192.0.2.${index}"]
    credentials: {files: {username: /u, password: /p}}
    tls: {caFile: /ca.pem}${windows}`;
    const service = (_: unknown, index: number): string => `
  - name: service-${index}
    device: ${this.#devices[index % this.#devices.length]}
    identity: {namespace: default, serviceAccount: service-${index}}
    host: service-${index}.default.svc.cluster.local
    listen: {address: 198.51.100.1, port: ${10_000 + index}}
    backends: ["192.0.2.30:9000"]
    registration: none
    allowlist: {selector: {matchLabels: {app: service-${index}}}}`;
    return `apiVersion: bigip-mesh.io/v1
kind: AgentConfig
identity: {source: ca-secret, ttl: ${ttlMs / 1000}s}
devices:${this.#devices.map(device).join('')}
services:${Array.from({ length: services }, service).join('')}
`;
  }

  #meshCa(trustBundle: TrustBundle): IdentitySource {
    return {
      name: 'ca-secret',
      canImpersonate: true,
      mintsKeys: true,
      fetchTrustBundle: () => Promise.resolve(trustBundle),
      fetchSvid: ({ spiffeId, ttlMs }: SvidRequest): Promise<FetchedSvid> => {
        const now = this.clock.now();
        this.requests.push({ at: now, service: spiffeId.serviceAccount ?? '' });
        const failure = this.caFailure?.(spiffeId.text);
        if (failure !== undefined) return Promise.reject(failure);
        const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
        const validity = [new Date(now.getTime() - clockSkewMs), new Date(now.getTime() + ttlMs)] as const;
        const earlier = this.#leaves.get(spiffeId.text);
        const leaf =
          earlier === undefined
            ? issueCertificate(
                {
                  subject: [],
                  publicKey,
                  notBefore: validity[0],
                  notAfter: validity[1],
                  keyUsages: ['digitalSignature', 'keyEncipherment'],
                  extendedKeyUsages: ['serverAuth', 'clientAuth'],
                  basicConstraints: { ca: false },
                  subjectAltNames: { isCritical: true, names: [{ type: 'uri', value: spiffeId.text }] },
                },
                this.#authority,
              )
            : reissue(earlier, publicKey, validity, this.#authority.privateKey);
        this.#leaves.set(spiffeId.text, leaf);
        this.#noteKey(publicKey);
        return Promise.resolve({ svid: new Svid({ spiffeId, leaf, chain: [], privateKey }), trustBundle });
      },
    };
  }

  /** Remembers as many as there are services: that is how long a key could come again unseen. */
  #noteKey(publicKey: KeyObject): void {
    const key = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64');
    if (this.#lastKeys.has(key)) throw new Error('a key was made twice');
    this.#lastKeys.add(key);
    const [oldest] = this.#lastKeys;
    if (oldest !== undefined && this.#lastKeys.size > 2 * this.#options.services)
      this.#lastKeys.delete(oldest);
    this.#keys += 1;
  }

  #install(device: string, desire: Desire): void {
    const at = this.clock.now();
    for (const { config, isNewPair, pair } of desire.services) {
      if (!isNewPair) continue;
      const service = config.name;
      const before = this.#expiry.get(service);
      if (before !== undefined) this.renewals.push({ at, service });
      if (before !== undefined && before <= at) this.missed.push({ at, service });
      this.#expiry.set(service, new Date(Number(pair.facts['not-after']) * 1000));
    }
    const objects: ObservedObject[] = [];
    const ledger = new Map<string, LedgerEntry>();
    for (const { kind, name, members, facts = {} } of desiredObjects(desire.device)) {
      objects.push({ kind, name, members });
      ledger.set(ledgerKey(kind, name), { kind, name, facts });
    }
    this.#held.set(device, { tmosVersion: '17.1.0', partitionExists: true, objects, ledger, epoch: 1 });
  }
}

/** The most of these that fall into any ten seconds. */
export function mostInTenSeconds(swaps: readonly Swap[]): number {
  const times = swaps.map(({ at }) => at.getTime()).toSorted((a, b) => a - b);
  let most = 0;
  let first = 0;
  for (const [last, atMs] of times.entries()) {
    while ((times[first] ?? 0) < atMs - 10_000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/**
 * The same certificate for another key, with other dates, signed anew. Building one takes milliseconds, and a week needs
 * two hundred thousand.
 */
function reissue(
  before: X509Certificate,
  publicKey: KeyObject,
  [notBefore, notAfter]: readonly [Date, Date],
  signer: KeyObject,
): X509Certificate {
  const der = Buffer.from(before.raw);
  const replace = (old: Buffer, by: Buffer): void => {
    const at = der.indexOf(old);
    if (at < 0 || old.length !== by.length) throw new Error('the certificate is not as it was made');
    by.copy(der, at);
  };
  const spki = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
  const times = (from: Date, to: Date): Buffer => Buffer.concat([utcTime(from), utcTime(to)]);
  replace(times(new Date(before.validFrom), new Date(before.validTo)), times(notBefore, notAfter));
  replace(spki(before.publicKey), spki(publicKey));
  const serial = Buffer.from(before.serialNumber, 'hex');
  replace(serial, Buffer.concat([serial.subarray(0, 1), randomBytes(serial.length - 1)]));
  // SEQUENCE of the certificate, SEQUENCE of what is signed; both are longer than 255 bytes.
  const signed = der.subarray(4, 8 + der.readUInt16BE(6));
  // Of the outer length, so that a signature has to be as long as the one before: every other one is.
  const length = der.length - 4 - signed.length - 12 - 3;
  for (;;) {
    const signature = sign('sha256', signed, signer);
    if (signature.length !== length) continue;
    signature.copy(der, der.length - length);
    return new X509Certificate(der);
  }
}

/** As a Time of RFC 5280: tag, length, `YYMMDDHHMMSSZ`. */
function utcTime(date: Date): Buffer {
  const text = `${date.toISOString().slice(2, 19).replaceAll(/[-T:]/g, '')}Z`;
  return Buffer.concat([Buffer.from([0x17, text.length]), Buffer.from(text)]);
}

const emptyDevice: ObservedDevice = {
  tmosVersion: '17.1.0',
  partitionExists: false,
  objects: [],
  ledger: undefined,
  epoch: 0,
};

const passing: Proof = {
  passed: true,
  servedFingerprint: 'ab',
  connections: 4,
  protocols: [],
  checks: [],
  unproven: [],
};

function makeRoot(now: Date): { certificate: X509Certificate; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const certificate = issueCertificate(
    {
      subject: [{ type: 'commonName', value: `Root CA ${randomBytes(4).toString('hex')}` }],
      publicKey,
      notBefore: new Date(now.getTime() - clockSkewMs),
      notAfter: new Date(now.getTime() + 3650 * 24 * hourMs),
      keyUsages: ['digitalSignature', 'keyCertSign'],
      basicConstraints: { ca: true },
      hasSubjectKeyIdentifier: true,
    },
    { privateKey },
  );
  return { certificate, privateKey };
}
