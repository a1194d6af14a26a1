import { readFile } from 'node:fs/promises';
import { LineCounter, isNode, parseDocument } from 'yaml';

/** Where services and devices stand in the config file: lines counted from 1, by name. */
export interface ConfigLines {
  readonly services: ReadonlyMap<string, number>;
  readonly devices: ReadonlyMap<string, number>;
}

/** Finds the places of a config file that was read already. */
export async function locateConfig(file: string): Promise<ConfigLines> {
  return configLines(await readFile(file, 'utf8'));
}

/** The pure half of {@link locateConfig}. */
export function configLines(text: string): ConfigLines {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'silent' });
  const linesOf = (list: string): ReadonlyMap<string, number> => {
    const found = new Map<string, number>();
    for (let index = 0; document.hasIn([list, index]); index += 1) {
      const name = document.getIn([list, index, 'name']);
      const node = document.getIn([list, index], true);
      if (typeof name === 'string' && isNode(node) && node.range) {
        found.set(name, lines.linePos(node.range[0]).line);
      }
    }
    return found;
  };
  return { services: linesOf('services'), devices: linesOf('devices') };
}
