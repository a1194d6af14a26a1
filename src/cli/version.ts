import { readFileSync } from 'node:fs';
import type { CliContext, ExitCode } from './context.js';

/** The version in package.json, which lies above src in a checkout, in a package and in the image alike. */
export function version(): string {
  for (const up of ['../../package.json', '../../../package.json', './package.json', '../package.json']) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (manifest.name === 'bigip-mesh-agent' && manifest.version !== undefined) return manifest.version;
    } catch {
      continue;
    }
  }
  return 'unknown';
}

export function runVersion({ output }: CliContext): Promise<ExitCode> {
  output.line(`bigip-mesh ${version()} (node ${process.versions.node})`);
  output.json({ version: version(), node: process.versions.node });
  return Promise.resolve(0);
}
