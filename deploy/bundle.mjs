import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

/*
 * What the image holds: everything in a few files, so that it starts quickly and takes little memory. Comments and
 * white space are left out, which keeps the texts free of characters that would double their size in memory.
 */

/**
 * Takes of the Kubernetes library what is used, the kubeconfig and its credentials; the models of all of its API kinds
 * stay out. It does not say of itself that loading its modules has no side effects, but that is so.
 */
const treeShaken = {
  name: 'tree-shaken',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /./ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      const isOf =
        /[\\/]@kubernetes[\\/]client-node[\\/]/.test(importer) || path === '@kubernetes/client-node';
      if (pluginData === 'resolved' || !isOf) return undefined;
      const found = await resolve(path, { importer, resolveDir, kind, pluginData: 'resolved' });
      const isItsOwn = /[\\/]@kubernetes[\\/]client-node[\\/]dist[\\/]/.test(found.path);
      return isItsOwn ? { ...found, sideEffects: false } : found;
    });
  },
};

const byDefault = 'dist';
const { outdir } = parseArgs({ options: { outdir: { type: 'string', default: byDefault } } }).values;
// Nothing of an earlier bundle is to stay; a folder that somebody names is his.
if (outdir === byDefault) await rm(byDefault, { recursive: true, force: true });
await build({
  entryPoints: ['src/main.ts'],
  outdir,
  entryNames: 'bigip-mesh',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  // A place in an error report is to tell something.
  lineLimit: 160,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [treeShaken],
  banner: {
    js: "import{createRequire as bundleRequire}from'node:module';const require=bundleRequire(import.meta.url);",
  },
});
