import { readFileSync } from 'node:fs';
import type { CliContext, ExitCode } from './context.js';

/** Where package.json can lie, seen from this module: beside a bundle, above one in dist/, above build/src/cli/. */
const places = ['./package.json', '../package.json', '../../../package.json'];

export function version(): string {
  for (const place of places) {
    const manifest = readManifest(new URL(place, import.meta.url));
    if (manifest?.name === 'bigip-mesh-agent') return manifest.version;
  }
  return 'unknown';
}

export function runVersion({ output }: CliContext): Promise<ExitCode> {
  output.line(`bigip-mesh ${version()} (node ${process.versions.node})`);
  output.json({ version: version(), node: process.versions.node });
  return Promise.resolve(0);
}

function readManifest(place: URL): { readonly name: string; readonly version: string } | undefined {
  try {
    return JSON.parse(readFileSync(place, 'utf8')) as { name: string; version: string };
  } catch {
    return undefined;
  }
}
