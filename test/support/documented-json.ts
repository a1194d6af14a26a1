type Kind = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'null';

/** A row of a table of docs/reference/json.md. */
interface Member {
  /** `checks[].name`, split into `checks`, `[]`, `name`. */
  readonly path: readonly string[];
  readonly text: string;
  readonly kinds: readonly Kind[];
  /** Of no shape of its own. */
  readonly isOpaque: boolean;
  readonly isAlways: boolean;
}

/** The shape of the JSON that a command prints, as its section of the page says it. */
export class DocumentedJson {
  readonly #members: readonly Member[];
  readonly #seen = new Set<string>();

  /** @param section the lines under the command's heading */
  constructor(section: string) {
    this.#members = [...section.matchAll(/^\| `([^`]+)` \| ([a-z ]+) \| (yes|no) \| (.+) \|$/gm)].map(
      ([, text = '', type = '', always]) => ({
        text,
        path: text.split(/\.|(?=\[\])/),
        kinds: type.replace('any ', '').split(' or ') as Kind[],
        isOpaque: type.startsWith('any '),
        isAlways: always === 'yes',
      }),
    );
  }

  /** What in this object the page does not say, or says otherwise. */
  objections(value: unknown): string[] {
    return [...this.#undocumented(value, []), ...this.#missing(value)];
  }

  /** Members that are said to be always there, and that nothing had which was looked at. */
  get neverSeen(): string[] {
    return this.#members
      .filter(({ isAlways, text }) => isAlways && !this.#seen.has(text))
      .map(({ text }) => text);
  }

  #undocumented(value: unknown, path: readonly string[]): string[] {
    const text = render(path);
    const member = this.#members.find((candidate) => candidate.text === text);
    const kind = kindOf(value);
    this.#seen.add(text);
    if (member !== undefined && !member.kinds.includes(kind)) return [`${text} is of type ${kind}`];
    if (member?.isOpaque === true) return [];
    const isKnown = path.length === 0 || this.#members.some((candidate) => startsWith(candidate.path, path));
    if (!isKnown) return [`${text} (${kind}) is not documented`];
    if (Array.isArray(value)) {
      // An empty array shows the member all the same.
      this.#seen.add(`${text}[]`);
      return value.flatMap((element) => this.#undocumented(element, [...path, '[]']));
    }
    if (kind !== 'object') return member === undefined ? [`${text} (${kind}) is not documented`] : [];
    return Object.entries(value as object).flatMap(([name, content]) =>
      this.#undocumented(content, [...path, name]),
    );
  }

  #missing(value: unknown): string[] {
    return this.#members.flatMap(({ path, text, isAlways }) => {
      if (!isAlways) return [];
      const own = path.at(-1) === '[]' ? path.slice(0, -1) : path;
      const holders = this.#reach(value, own.slice(0, -1));
      const name = own.at(-1) ?? '';
      return holders.every((holder) => Object.hasOwn(holder, name)) ? [] : [`${text} is missing`];
    });
  }

  /** Every object at a path. Where a part of the way is not there, and need not be, there is none. */
  #reach(value: unknown, path: readonly string[]): object[] {
    if (kindOf(value) !== 'object' && kindOf(value) !== 'array') return [];
    const [name, ...rest] = path;
    if (name === undefined) return [value as object];
    if (name === '[]') return (value as unknown[]).flatMap((element) => this.#reach(element, rest));
    return this.#reach((value as Readonly<Record<string, unknown>>)[name], rest);
  }
}

/** The sections of the page, by the command in their heading. */
export function jsonSections(page: string): ReadonlyMap<string, string> {
  return new Map(
    page
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const end = section.indexOf('\n');
        return [section.slice(0, end), section.slice(end)];
      }),
  );
}

function kindOf(value: unknown): Kind {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : (typeof value as Kind);
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((part, index) => path[index] === part);
}

function render(path: readonly string[]): string {
  return path.join('.').replaceAll('.[]', '[]');
}
