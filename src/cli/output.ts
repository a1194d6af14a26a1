import { styleText } from 'node:util';
import type { Writable } from 'node:stream';

export type OutputFormat = 'text' | 'json';
type Style = Parameters<typeof styleText>[0];

/** Where a command's results and progress go; the only place that writes to the terminal. */
export class Output {
  readonly format: OutputFormat;
  readonly #stdout: Writable;
  readonly #stderr: Writable;

  constructor(
    streams: { readonly stdout: Writable; readonly stderr: Writable },
    format: OutputFormat = 'text',
  ) {
    this.format = format;
    this.#stdout = streams.stdout;
    this.#stderr = streams.stderr;
  }

  /** The same streams in another format. */
  as(format: OutputFormat): Output {
    return new Output({ stdout: this.#stdout, stderr: this.#stderr }, format);
  }

  /** A line of the result. Nothing in JSON, where {@link json} speaks. */
  line(text = ''): void {
    if (this.format === 'text') this.#stdout.write(`${text}\n`);
  }

  /** One JSON object on one line of stdout. Nothing in text. */
  json(value: unknown): void {
    if (this.format === 'json') this.#stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** A line about work under way; on stderr, so that stdout can be piped. */
  progress(text: string): void {
    if (this.format === 'text') this.#stderr.write(`${text}\n`);
  }

  error(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  /** Colours text on a terminal and nowhere else; NO_COLOR is honoured by Node. */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#stdout });
  }
}
