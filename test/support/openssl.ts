import { execFileSync, spawnSync } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether the openssl command is there; it is a second opinion and not a requirement. */
export const hasOpenssl = spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0;

/** What `openssl verify -x509_strict` says about a leaf: `OK`, or its first error. */
export function opensslVerify(parts: {
  readonly leaf: X509Certificate;
  readonly chain: readonly X509Certificate[];
  readonly roots: readonly X509Certificate[];
  readonly at: Date;
}): string {
  return inFolder((folder) => {
    const file = (name: string, certificates: readonly X509Certificate[]): string => {
      const path = join(folder, name);
      writeFileSync(path, certificates.map(String).join(''));
      return path;
    };
    const leaf = file('leaf.pem', [parts.leaf]);
    const untrusted = parts.chain.length === 0 ? [] : ['-untrusted', file('chain.pem', parts.chain)];
    const roots = ['-no-CApath', '-no-CAstore', '-CAfile', file('roots.pem', parts.roots)];
    const time = ['-attime', String(Math.floor(parts.at.getTime() / 1000))];
    const result = spawnSync(
      'openssl',
      ['verify', '-x509_strict', '-purpose', 'sslserver', ...time, ...roots, ...untrusted, leaf],
      { encoding: 'utf8' },
    );
    if (result.status === 0) return 'OK';
    return /error \d+ at \d+ depth lookup: ?(.*)/.exec(result.stderr)?.[1] ?? result.stderr;
  });
}

/** What `openssl x509 -text` prints. */
export function opensslText(certificate: X509Certificate): string {
  return execFileSync('openssl', ['x509', '-noout', '-text', '-nameopt', 'RFC2253'], {
    input: certificate.toString(),
    encoding: 'utf8',
  });
}

function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'openssl-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
