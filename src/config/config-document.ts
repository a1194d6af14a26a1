import { LineCounter, isAlias, isMap, isNode, isScalar, parseDocument, visit } from 'yaml';
import type { Document, ErrorCode, Node } from 'yaml';
import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';

/** What users are told of broken YAML; the parser's own words are for those who write parsers. */
const syntaxFaults: Partial<Record<ErrorCode, string>> = {
  BAD_DQ_ESCAPE: 'after this backslash YAML knows no such letter; put the text in single quotes',
  BAD_INDENT:
    'this line is not indented as it must be; put it in line with its neighbours, or close what is open above',
  BAD_SCALAR_START: 'a text cannot begin with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second ": " stands in this line; put the text in quotes',
  DUPLICATE_KEY: 'this key stands here for the second time; keep one of the two',
  MISSING_CHAR: 'something is not closed before this place; look for a missing quote, bracket, comma or "- "',
  MULTILINE_IMPLICIT_KEY: 'a key without its ":", or a text over several lines; write KEY: VALUE',
  MULTIPLE_DOCS: 'a second document begins here; a config file holds one, so take out what follows "---"',
  TAB_AS_INDENT: 'a tab indents this line; write spaces',
};

/** The text of a config file as YAML, which knows where each value stands. */
export class ConfigDocument {
  /** As plain data. */
  readonly value: unknown;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #file: string;

  private constructor(document: Document, lines: LineCounter, file: string) {
    this.value = document.toJS();
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
  }

  /**
   * @param file is only named in positions
   * @returns a reason that begins with `file:line:column: ` when the text is no YAML
   */
  static parse(text: string, file: string): Parsed<ConfigDocument> {
    const lines = new LineCounter();
    // What is only warned of makes a value that the schema refuses.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    const refuse = (offset: number, reason: string) => refused(`${position(file, lines, offset)}: ${reason}`);
    const [error] = document.errors;
    if (error !== undefined) {
      return refuse(
        error.pos[0],
        syntaxFaults[error.code] ?? 'this is not YAML; look at indentation, quotes and brackets here',
      );
    }
    const dangling = findDanglingAlias(document);
    if (dangling !== undefined) {
      return refuse(
        dangling.range?.[0] ?? 0,
        'a text that begins with * refers to an anchor, and there is none of this name; put it in quotes',
      );
    }
    try {
      return accepted(new ConfigDocument(document, lines, file));
    } catch (error) {
      // So that a small file cannot fill the memory.
      if (error instanceof ReferenceError) {
        return refuse(0, 'aliases (*) repeat far too much; write the values out');
      }
      throw error;
    }
  }

  /** Whether the file has a value, or an empty place for one, at the path. */
  has(path: ReadonlyArray<string | number>): boolean {
    return this.#document.hasIn(path);
  }

  /** `config.yaml:18:5`: where the value at the path stands, or the nearest mapping or list around it. */
  positionOf(path: ReadonlyArray<string | number>): string {
    for (let depth = path.length; depth >= 0; depth -= 1) {
      const node = this.#document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return position(this.#file, this.#lines, node.range[0]);
    }
    return position(this.#file, this.#lines, 0);
  }

  /** Where the key at the end of the path stands. */
  positionOfKey(path: ReadonlyArray<string | number>): string {
    const parent = this.#document.getIn(path.slice(0, -1), true);
    const pairs = isMap(parent) ? parent.items : [];
    const key = pairs.map((pair) => pair.key).find((node) => isScalar(node) && node.value === path.at(-1));
    return isNode(key) && key.range ? position(this.#file, this.#lines, key.range[0]) : this.positionOf(path);
  }
}

function findDanglingAlias(document: Document): Node | undefined {
  let found: Node | undefined;
  visit(document, (_, node) => {
    if (!isAlias(node) || node.resolve(document) !== undefined) return undefined;
    found = node;
    return visit.BREAK;
  });
  return found;
}

function position(file: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${file}:${line}:${col}`;
}
