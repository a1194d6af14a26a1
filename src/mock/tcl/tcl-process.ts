import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { AgentError } from '../../errors.js';
import { harnessSource } from './harness/harness.js';

/** A word of the protocol: bytes, or text that is sent as UTF-8. */
export type Word = string | Buffer | number;
/** What the harness answers: groups of words. */
export type Answer = ReadonlyArray<readonly Buffer[]>;

/** The harness refused a request, with its message in one line; the interpreter lives on. */
export class TclRefusal extends Error {
  override readonly name = 'TclRefusal';
}

/** The interpreter ended, or did not answer in time and was ended; what it knew is lost. */
export class TclProcessGone extends Error {
  override readonly name = 'TclProcessGone';
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: Error) => void;
}

export interface TclProcessOptions {
  /** The program to run; `tclsh` of the PATH by default. */
  readonly tclsh?: string | undefined;
  /**
   * How long one answer may take. The harness limits rules itself, but cannot interrupt one long built-in command.
   */
  readonly answerTimeoutMs: number;
}

/** One `tclsh` that runs the harness: requests go in, answers come out in the same order. */
export class TclProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answerTimeoutMs: number;
  readonly #waiting: Waiting[] = [];
  readonly #gone: Promise<void>;
  /** Runs while an answer is due. */
  #deadline: NodeJS.Timeout | undefined;
  #isGone = false;

  private constructor(child: ChildProcessWithoutNullStreams, answerTimeoutMs: number) {
    this.#child = child;
    this.#answerTimeoutMs = answerTimeoutMs;
    createInterface({ input: child.stdout }).on('line', (line) => this.#answer(line));
    child.stdin.on('error', () => undefined); // The exit tells.
    child.stderr.resume();
    this.#gone = once(child, 'exit').then(() => this.#drop());
  }

  /** @throws AgentError MESH_ERR_TCLSH_MISSING where the program cannot be run. */
  static async start({ tclsh = 'tclsh', answerTimeoutMs }: TclProcessOptions): Promise<TclProcess> {
    const child = spawn(tclsh, [], { stdio: 'pipe', env: { PATH: process.env['PATH'] } });
    try {
      await once(child, 'spawn');
    } catch {
      throw new AgentError(
        'MESH_ERR_TCLSH_MISSING',
        `${tclsh} cannot be run; the mock BIG-IP needs Tcl 8.6 for its iRules`,
        'install it (Debian and Ubuntu: apt-get install tcl; macOS has it; else https://www.tcl-lang.org)',
      );
    }
    const started = new TclProcess(child, answerTimeoutMs);
    child.stdin.write(`eval [binary format H* ${encode(harnessSource)}]; ::tmm::main\n`);
    return started;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Settles when the program has ended, for whatever reason. */
  get gone(): Promise<void> {
    return this.#gone;
  }

  /**
   * @throws TclRefusal when the harness refuses.
   * @throws TclProcessGone when there is no answer.
   */
  request(verb: string, ...words: readonly Word[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#isGone) {
        reject(new TclProcessGone('the Tcl interpreter has ended'));
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#deadline ??= this.#startDeadline();
      this.#child.stdin.write(`${[verb, ...words].map(encode).join(' ')}\n`);
    });
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    this.#deadline ??= this.#startDeadline();
    await this.#gone;
  }

  #startDeadline(): NodeJS.Timeout {
    return setTimeout(() => this.#child.kill('SIGKILL'), this.#answerTimeoutMs);
  }

  #answer(line: string): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    clearTimeout(this.#deadline);
    this.#deadline = this.#waiting.length === 0 ? undefined : this.#startDeadline();
    const [verdict, ...groups] = line.split(' ');
    if (verdict === 'ok') next.resolve(groups.map((group) => group.split(',').map(decode)));
    else next.reject(new TclRefusal(decode(groups[0] ?? '').toString()));
  }

  #drop(): void {
    this.#isGone = true;
    clearTimeout(this.#deadline);
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new TclProcessGone('the Tcl interpreter has ended'));
    }
  }
}

function encode(word: Word): string {
  return (Buffer.isBuffer(word) ? word : Buffer.from(String(word))).toString('hex');
}

function decode(word: string): Buffer {
  return Buffer.from(word, 'hex');
}
