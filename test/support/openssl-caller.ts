import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Svid } from '../../src/spiffe/svid.js';

export interface Answer {
  /** What the service said. */
  readonly heard: string;
  /** What openssl said on stderr. */
  readonly complaint: string;
  readonly exitCode: number | null;
}

/** `openssl s_client` as a caller that nobody of this project wrote. */
export class OpensslCaller {
  readonly #args: readonly string[];

  private constructor(args: readonly string[]) {
    this.#args = args;
  }

  /** Writes what openssl needs into the folder. Without an SVID the caller has no certificate. */
  static async create(options: {
    readonly folder: string;
    readonly name: string;
    readonly port: number;
    readonly trustBundlePem: string;
    readonly svid?: Svid;
  }): Promise<OpensslCaller> {
    const { folder, name, port, trustBundlePem, svid } = options;
    const file = (suffix: string): string => join(folder, `${name}.${suffix}`);
    await writeFile(file('ca.pem'), trustBundlePem);
    const args = [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-CAfile',
      file('ca.pem'),
      '-verify_return_error',
      '-quiet',
    ];
    args.push(
      '-servername',
      'outbound_.9000_._.bigip.default.svc.cluster.local',
      '-alpn',
      'istio-peer-exchange,istio',
    );
    if (svid !== undefined) {
      await writeFile(file('crt'), svid.renderLeafPem());
      await writeFile(file('chain'), svid.renderChainPem());
      await writeFile(file('key'), svid.renderKeyPem().reveal(), { mode: 0o600 });
      args.push('-cert', file('crt'), '-key', file('key'));
      if (svid.chain.length > 0) args.push('-cert_chain', file('chain'));
    }
    return new OpensslCaller(args);
  }

  /** Says one line, and waits for an answer or the end of the connection. */
  async say(text: string): Promise<Answer> {
    const connection = this.open();
    const heard = await connection.say(text);
    return connection.close(heard);
  }

  open(): OpensslConnection {
    return new OpensslConnection(spawn('openssl', this.#args));
  }
}

class OpensslConnection {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  #heard = '';
  #complaint = '';
  #isClosed = false;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => (this.#heard += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (this.#complaint += chunk.toString()));
    this.#closed = once(child, 'close').then(() => (this.#isClosed = true));
  }

  /** @returns what came back; empty when the connection ended first */
  async say(text: string): Promise<string> {
    const before = this.#heard.length;
    this.#child.stdin.write(`${text}\n`);
    while (!this.#isClosed && this.#heard.length === before) {
      await Promise.race([once(this.#child.stdout, 'data'), this.#closed]);
    }
    return this.#heard.slice(before);
  }

  async close(heard = ''): Promise<Answer> {
    this.#child.kill();
    await this.#closed;
    return { heard, complaint: this.#complaint, exitCode: this.#child.exitCode };
  }
}
