/** One word of a command. */
export interface TclWord {
  readonly kind: 'bare' | 'quoted' | 'braced';
  /** What stands between the quotes or braces; for a bare word all of it. Nothing is substituted. */
  readonly text: string;
  /** Where `text` begins in the whole script. */
  readonly start: number;
  /** `{*}` stands in front of it. */
  readonly isExpanded: boolean;
  /** Scripts in square brackets inside of a bare or quoted word. */
  readonly substitutions: readonly TclScript[];
}

export interface TclCommand {
  /** Where it begins in the whole script. */
  readonly start: number;
  readonly source: string;
  readonly words: readonly TclWord[];
}

export interface TclScript {
  readonly commands: readonly TclCommand[];
  /** Comments with their number sign, and where each begins. */
  readonly comments: ReadonlyArray<{ readonly start: number; readonly text: string }>;
}

/** Why a script cannot be taken apart, in Tcl's own words. */
export class TclSyntaxError extends Error {
  override readonly name = 'TclSyntaxError';
  /** Where the fault begins in the whole script. */
  readonly start: number;
  /** The text at fault, which the device quotes. */
  readonly source: string;

  constructor(message: string, start: number, source: string) {
    super(message);
    this.start = start;
    this.source = source;
  }
}

/**
 * Takes a script apart into commands and words by the rules of Tcl (tcl.tk, Tcl(n)), without running anything.
 *
 * Braced words are not looked into: whether one is a script, an expression or plain text is for the command to say.
 *
 * @param text the whole rule; offsets count in it.
 * @param range the part that is a script, all of `text` by default.
 * @throws TclSyntaxError
 */
export function parseTcl(
  text: string,
  range: { readonly from: number; readonly to: number } = { from: 0, to: text.length },
): TclScript {
  return new Parser(text, range.from, range.to).script(false);
}

/** The line of an offset, counted from 1. */
export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

class Parser {
  readonly #text: string;
  readonly #end: number;
  #at: number;

  constructor(text: string, from: number, to: number) {
    this.#text = text;
    this.#at = from;
    this.#end = to;
  }

  /** Reads commands to the end, or to the bracket that ends a substitution. */
  script(isNested: boolean): TclScript {
    const commands: TclCommand[] = [];
    const comments: Array<{ start: number; text: string }> = [];
    const opened = this.#at - 1;
    for (;;) {
      this.#skipBlanks(/[\s;]/);
      if (this.#at >= this.#end) {
        if (isNested) throw new TclSyntaxError('missing close-bracket', opened, this.#lineAt(opened));
        return { commands, comments };
      }
      if (isNested && this.#peek() === ']') {
        this.#at += 1;
        return { commands, comments };
      }
      if (this.#peek() === '#') comments.push(this.#comment());
      else commands.push(this.#command(isNested));
    }
  }

  #command(isNested: boolean): TclCommand {
    const start = this.#at;
    const words: TclWord[] = [];
    for (;;) {
      this.#skipBlanks(/[ \t\r\f\v]/);
      if (this.#isCommandEnd(isNested)) break;
      words.push(this.#word(isNested));
    }
    return { start, source: this.#text.slice(start, this.#at).trimEnd(), words };
  }

  #word(isNested: boolean): TclWord {
    const isExpanded =
      this.#text.startsWith('{*}', this.#at) && !/^\s?$/.test(this.#text.charAt(this.#at + 3));
    if (isExpanded) this.#at += 3;
    if (this.#peek() === '{') return { ...this.#braced(isNested), isExpanded };
    if (this.#peek() === '"') return { ...this.#quoted(isNested), isExpanded };
    const start = this.#at;
    const substitutions = this.#substituted(() => this.#isWordEnd(isNested));
    return { kind: 'bare', text: this.#text.slice(start, this.#at), start, isExpanded, substitutions };
  }

  #braced(isNested: boolean): Omit<TclWord, 'isExpanded'> {
    const opened = this.#at;
    let depth = 0;
    for (; this.#at < this.#end; this.#at += 1) {
      const character = this.#peek();
      if (character === '\\') this.#at += 1;
      else if (character === '{') depth += 1;
      else if (character === '}') depth -= 1;
      if (depth === 0) break;
    }
    if (this.#at >= this.#end) throw new TclSyntaxError('missing close-brace', opened, this.#lineAt(opened));
    const text = this.#text.slice(opened + 1, this.#at);
    this.#at += 1;
    this.#requireWordEnd('close-brace', isNested);
    return { kind: 'braced', text, start: opened + 1, substitutions: [] };
  }

  #quoted(isNested: boolean): Omit<TclWord, 'isExpanded'> {
    const opened = this.#at;
    this.#at += 1;
    const substitutions = this.#substituted(() => this.#peek() === '"');
    if (this.#at >= this.#end) throw new TclSyntaxError('missing "', opened, this.#lineAt(opened));
    const text = this.#text.slice(opened + 1, this.#at);
    this.#at += 1;
    this.#requireWordEnd('close-quote', isNested);
    return { kind: 'quoted', text, start: opened + 1, substitutions };
  }

  /** Passes over text in which substitutions happen, and gives those in brackets. */
  #substituted(isEnd: () => boolean): TclScript[] {
    const substitutions: TclScript[] = [];
    while (this.#at < this.#end && !isEnd()) {
      const character = this.#peek();
      this.#at += 1;
      if (character === '\\') this.#at += 1;
      else if (character === '[') substitutions.push(this.script(true));
      else if (character === '$' && this.#peek() === '{') {
        const close = this.#text.indexOf('}', this.#at);
        if (close === -1 || close >= this.#end) {
          throw new TclSyntaxError('missing close-brace for variable name', this.#at, this.#lineAt(this.#at));
        }
        this.#at = close + 1;
      }
    }
    this.#at = Math.min(this.#at, this.#end);
    return substitutions;
  }

  #comment(): { start: number; text: string } {
    const start = this.#at;
    while (this.#at < this.#end && this.#peek() !== '\n') this.#at += this.#peek() === '\\' ? 2 : 1;
    this.#at = Math.min(this.#at, this.#end);
    return { start, text: this.#text.slice(start, this.#at) };
  }

  #requireWordEnd(what: string, isNested: boolean): void {
    if (this.#isWordEnd(isNested)) return;
    const start = this.#at;
    while (!this.#isWordEnd(isNested)) this.#at += 1;
    throw new TclSyntaxError(`extra characters after ${what}`, start, this.#text.slice(start, this.#at));
  }

  #isWordEnd(isNested: boolean): boolean {
    return this.#isCommandEnd(isNested) || /[ \t\r\f\v]/.test(this.#peek()) || this.#isLineJoin();
  }

  #isCommandEnd(isNested: boolean): boolean {
    const character = this.#peek();
    return (
      this.#at >= this.#end || character === '\n' || character === ';' || (isNested && character === ']')
    );
  }

  #skipBlanks(blank: RegExp): void {
    while (this.#at < this.#end && (blank.test(this.#peek()) || this.#isLineJoin())) {
      this.#at += this.#isLineJoin() ? 2 : 1;
    }
  }

  #isLineJoin(): boolean {
    return this.#peek() === '\\' && this.#text[this.#at + 1] === '\n' && this.#at + 1 < this.#end;
  }

  #peek(): string {
    return this.#at < this.#end ? this.#text.charAt(this.#at) : '';
  }

  #lineAt(offset: number): string {
    const from = this.#text.lastIndexOf('\n', offset - 1) + 1;
    const to = this.#text.indexOf('\n', offset);
    return this.#text.slice(from, to === -1 ? undefined : to).trim();
  }
}
