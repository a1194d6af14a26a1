import { PassThrough } from 'node:stream';
import { systemClock } from '../../../src/clock.js';
import type { Clock } from '../../../src/clock.js';
import { runCli } from '../../../src/cli/program.js';
import { Output } from '../../../src/cli/output.js';
import type { Scenario } from '../../../src/demo/scenario.js';
import { deviceUser } from '../../../src/demo/surroundings.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import type { JsonObject } from '../../../src/icontrol/request.js';
import type { KubeClient } from '../../../src/kube/client.js';
import { refOf } from '../../../src/kube/object.js';
import type { KubeKind, KubeObject } from '../../../src/kube/object.js';
import { silentLogger } from '../../../src/log.js';
import { Secret } from '../../../src/secret.js';
import type { Svid } from '../../../src/spiffe/svid.js';

/** What a command of the command line said. */
export interface Said {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. */
export async function cli(args: readonly string[], clock: Clock = systemClock): Promise<Said> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const texts = { stdout: '', stderr: '' };
  stdout.on('data', (chunk: Buffer) => (texts.stdout += chunk.toString()));
  stderr.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()));
  const exitCode = await runCli(args, ({ output }) => ({
    output: new Output({ stdout, stderr }, output),
    logger: silentLogger(),
    clock,
    signal: new AbortController().signal,
  }));
  return { exitCode, ...texts };
}

/** Undoes what broke something. */
export type Mend = () => Promise<unknown>;

/** Ways to break the cluster of a scenario, each with the way back. */
export class ClusterBreaker {
  readonly #kube: KubeClient;

  constructor(kube: KubeClient) {
    this.#kube = kube;
  }

  async put(kind: KubeKind, wanted: KubeObject): Promise<Mend> {
    await this.#kube.create(kind, wanted);
    const { namespace = '', name } = wanted.metadata;
    // Another break may have made it anew meanwhile.
    return async () => {
      const { metadata } = await this.#read(kind, namespace, name);
      await this.#kube.delete(refOf(kind, wanted), { uid: String(metadata.uid) });
    };
  }

  /** Changes a copy of the object in place; the way back writes the old content. */
  async edit(kind: KubeKind, namespace: string, name: string, change: (draft: Draft) => void): Promise<Mend> {
    const before = await this.#read(kind, namespace, name);
    const draft = structuredClone(before) as unknown as Draft;
    change(draft);
    await this.#kube.replace(kind, draft as unknown as KubeObject);
    return async () => {
      const { resourceVersion } = (await this.#read(kind, namespace, name)).metadata;
      await this.#kube.replace(kind, {
        ...before,
        metadata: { ...before.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      });
    };
  }

  async remove(kind: KubeKind, namespace: string, name: string): Promise<Mend> {
    const before = await this.#read(kind, namespace, name);
    await this.#kube.delete(refOf(kind, before), { uid: String(before.metadata.uid) });
    return () => this.#kube.create(kind, fresh(before));
  }

  /** Several breaks as one. */
  async all(breaks: ReadonlyArray<() => Promise<Mend>>): Promise<Mend> {
    const mends: Mend[] = [];
    for (const make of breaks) mends.push(await make());
    return async () => {
      for (const mend of mends.toReversed()) await mend();
    };
  }

  async #read(kind: KubeKind, namespace: string, name: string): Promise<KubeObject> {
    const found = await this.#kube.get({ kind, name, ...(namespace === '' ? {} : { namespace }) });
    if (found === undefined) throw new Error(`${kind.plural} ${namespace}/${name} is not there`);
    return found;
  }
}

/** An object while a test changes it. */
export interface Draft {
  metadata: {
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [field: string]: unknown;
  };
  spec: Record<string, unknown>;
  data: Record<string, string>;
  [field: string]: unknown;
}

/** Without what the server adds. */
export function fresh(before: KubeObject): KubeObject {
  const { name, namespace, labels, annotations } = before.metadata;
  const { status: _status, ...rest } = before;
  return {
    ...rest,
    apiVersion: before.apiVersion,
    kind: before.kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  };
}

/** Ways to break the device of a scenario, each with the way back. */
export class DeviceBreaker {
  readonly client: IControlClient;

  constructor({ bigIp }: Pick<Scenario, 'bigIp'>, signal: AbortSignal) {
    this.client = new IControlClient({
      url: bigIp.url,
      credentials: () =>
        Promise.resolve({ username: deviceUser.name, password: new Secret(deviceUser.password) }),
      tls: { caPem: bigIp.certificatePem },
      clock: systemClock,
      logger: silentLogger(),
      signal,
    });
  }

  /** @param path below `/mgmt/tm/` */
  async modify(path: string, members: JsonObject): Promise<Mend> {
    const before = (await this.client.resources.get(`/mgmt/tm/${path}`)) ?? {};
    await this.client.resources.modify(`/mgmt/tm/${path}`, members);
    const back = Object.fromEntries(Object.keys(members).map((name) => [name, before[name]]));
    return () => this.client.resources.modify(`/mgmt/tm/${path}`, back);
  }

  async create(kind: string, members: JsonObject): Promise<Mend> {
    await this.client.resources.create(`/mgmt/tm/${kind}`, members);
    const path = `/mgmt/tm/${kind}/~${String(members['partition'])}~${String(members['name'])}`;
    return () => this.client.resources.remove(path);
  }

  /** Has the service echo served with another certificate. */
  async serve(svid: Svid): Promise<Mend> {
    const name = `foreign-${svid.fingerprint256.slice(0, 8)}`;
    const { resources, uploads } = this.client;
    await uploads.withFiles(
      [svid.renderLeafPem(), svid.renderKeyPem(), svid.renderChainPem()],
      async ([cert, key, chain]) => {
        const file = (suffix: string, sourcePath: string | undefined): JsonObject => ({
          name: `${name}${suffix}`,
          partition: 'mesh',
          sourcePath,
        });
        await resources.create('/mgmt/tm/sys/file/ssl-key', file('.key', key?.sourcePath));
        await resources.create('/mgmt/tm/sys/file/ssl-cert', file('.crt', cert?.sourcePath));
        await resources.create('/mgmt/tm/sys/file/ssl-cert', file('-chain.crt', chain?.sourcePath));
      },
    );
    const at = (suffix: string): string => `/mesh/${name}${suffix}`;
    return this.modify('ltm/profile/client-ssl/~mesh~echo_clientssl', {
      certKeyChain: [{ name: 'mesh', cert: at('.crt'), key: at('.key'), chain: at('-chain.crt') }],
    });
  }
}
