import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './shared-data.js';

/** How the image starts its program. */
export interface ImageStart {
  /** Of Node, in front of the program. */
  readonly nodeFlags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The Dockerfile's last stage. */
export function imageStage(): string {
  const dockerfile = readFileSync(join(repositoryRoot, 'Dockerfile'), 'utf8');
  return dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
}

/** As the last stage's ENTRYPOINT and ENV say. */
export function imageStart(): ImageStart {
  const stage = imageStage();
  const entryPoint: unknown = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(stage)?.[1] ?? 'null');
  if (!Array.isArray(entryPoint) || entryPoint.at(-1) !== '/app/bigip-mesh.js')
    throw new Error('the image starts something else');
  const env = [...stage.matchAll(/^(?:ENV|\s{4})\s?([A-Z_]+)=(\S+)(?: \\)?$/gm)];
  return {
    nodeFlags: entryPoint.slice(1, -1) as string[],
    env: Object.fromEntries(env.map(([, name = '', value = '']) => [name, value])),
  };
}
