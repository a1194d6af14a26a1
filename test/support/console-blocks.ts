/** One command of a page, and what the page says that it prints. */
interface ShownCommand {
  readonly line: number;
  readonly command: string;
  /** Lines; `...` alone on a line stands for any number of them. */
  readonly output: readonly string[];
  readonly exitCode: number;
  /** It goes on until the reader ends it, once it has printed this. */
  readonly isInterrupted: boolean;
}

/** What a page has for a test to do, in its order. */
export type PageStep =
  | { readonly is: 'command'; readonly shown: ShownCommand }
  /** A block that the reader saves under a name; `<!-- file: NAME -->` stands above it. */
  | { readonly is: 'file'; readonly name: string; readonly content: string }
  /** What happens out of the reader's sight: `<!-- run: COMMAND -->`. */
  | { readonly is: 'hidden'; readonly command: string };

/** A command that stands on a page outside of the blocks that are run. */
interface MentionedCommand {
  readonly line: number;
  readonly command: string;
}

/** A page, read. */
export interface Page {
  readonly steps: readonly PageStep[];
  /** Lines of other code blocks, indented ones included. */
  readonly code: readonly MentionedCommand[];
  /** Between backticks in the text. */
  readonly inline: readonly MentionedCommand[];
}

/**
 * Reads a page of documentation.
 *
 * Blocks of the language `console` hold commands, each after `$ `, with what they print below them and, where it is
 * not 0, `[exit code N]` at the end, or `^C` where the reader ends it. A command with `&` at its end is left running.
 *
 * @throws Error for output that nobody could compare: none at all but `...`, or lines that follow no command
 */
export function readPage(markdown: string): Page {
  const steps: PageStep[] = [];
  const code: MentionedCommand[] = [];
  const inline: MentionedCommand[] = [];
  const lines = markdown.split('\n');
  let file: string | undefined;
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const fence = /^(\s*)```(\w*)$/.exec(line);
    if (fence === null) {
      const hidden = /^\s*<!-- run: (.*) -->$/.exec(line)?.[1];
      if (hidden !== undefined) steps.push({ is: 'hidden', command: hidden });
      file = /^\s*<!-- file: (.*) -->$/.exec(line)?.[1] ?? file;
      if (/^ {4,}\S/.test(line)) code.push({ line: index + 1, command: line.trim() });
      for (const [, text = ''] of line.matchAll(/`([^`]+)`/g))
        inline.push({ line: index + 1, command: text });
      continue;
    }
    const [, indent = '', language = ''] = fence;
    const end = lines.indexOf(`${indent}\`\`\``, index + 1);
    if (end < 0) throw new Error(`the block in line ${index + 1} does not end`);
    const block = lines
      .slice(index + 1, end)
      .map((text) => (text.startsWith(indent) ? text.slice(indent.length) : text));
    if (language === 'console') steps.push(...commandsOf(block, index + 2));
    else block.forEach((text, place) => code.push({ line: index + 2 + place, command: text.trim() }));
    if (file !== undefined) {
      steps.push({ is: 'file', name: file, content: `${block.join('\n')}\n` });
      file = undefined;
    }
    index = end;
  }
  return { steps, code, inline };
}

function commandsOf(block: readonly string[], firstLine: number): PageStep[] {
  const steps: PageStep[] = [];
  for (let index = 0; index < block.length; index += 1) {
    const line = block[index] ?? '';
    const at = `line ${firstLine + index}`;
    if (!line.startsWith('$ ')) throw new Error(`${at}: "${line}" follows no command`);
    const start = index;
    let command = line.slice(2);
    while (command.endsWith('\\')) command = `${command.slice(0, -1)}${(block[(index += 1)] ?? '').trim()}`;
    const output: string[] = [];
    let exitCode = 0;
    let isInterrupted = false;
    while (index + 1 < block.length && block[index + 1]?.startsWith('$ ') !== true) {
      const next = block[(index += 1)] ?? '';
      const code = /^\[exit code (\d+)\]$/.exec(next)?.[1];
      if (code !== undefined) exitCode = Number(code);
      else if (next === '^C') isInterrupted = true;
      else output.push(next);
    }
    if (output.length > 0 && output.every((text) => isAnything(text) || text.trim() === ''))
      throw new Error(`${at}: output of nothing but ... shows nothing: ${command}`);
    steps.push({
      is: 'command',
      shown: { line: firstLine + start, command, output, exitCode, isInterrupted },
    });
  }
  return steps;
}

/** Whether what was printed is what the page shows; both without what differs from run to run. */
export function fits(shown: readonly string[], printed: readonly string[]): boolean {
  const [head, ...rest] = shown;
  if (head === undefined) return printed.every((line) => line.trim() === '');
  if (isAnything(head)) return fits(rest, []) || printed.some((_, index) => fits(rest, printed.slice(index)));
  return printed.length > 0 && head.trimEnd() === printed[0]?.trimEnd() && fits(rest, printed.slice(1));
}

/** Inside of a line `...` is itself: what differs from run to run is left out of both sides by its form. */
function isAnything(line: string): boolean {
  return line.trim() === '...';
}
