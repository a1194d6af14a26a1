import { tellStory } from '../demo/story.js';
import type { Narrator } from '../demo/narrator.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import type { Output } from './output.js';

/** `demo`: the reference scenario on loopback; exit 0 only when all of it was observed. */
export async function runDemoCommand(
  { output, clock, logger, signal }: CliContext,
  _flags: GlobalFlags,
): Promise<ExitCode> {
  const startedMs = clock.now().getTime();
  await tellStory({ narrator: new TerminalNarrator(output), clock, logger, signal });
  const seconds = ((clock.now().getTime() - startedMs) / 1000).toFixed(1);
  output.line();
  output.line(output.style('green', `All of it was observed, in ${seconds} s.`));
  output.json({ observed: true, seconds: Number(seconds) });
  return 0;
}

class TerminalNarrator implements Narrator {
  readonly #output: Output;
  #step = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  step(title: string): void {
    const number = this.#step;
    this.#step += 1;
    this.#output.line();
    this.#output.line(this.#output.style('bold', number === 0 ? title : `${number}. ${title}`));
    this.#output.json({ step: number, title });
  }

  did(text: string): void {
    this.#output.line(`   ${text}`);
    this.#output.json({ step: this.#step - 1, did: text });
  }

  saw(text: string): void {
    this.#output.line(`   ${this.#output.style('green', '*')} ${text}`);
    this.#output.json({ step: this.#step - 1, saw: text });
  }

  log(line: string): void {
    this.#output.line(`     ${this.#output.style('dim', line)}`);
    this.#output.json({ step: this.#step - 1, log: line });
  }
}
