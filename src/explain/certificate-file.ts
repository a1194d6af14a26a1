import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../errors.js';
import { systemErrorCode } from '../system-error.js';

/** A caller's certificates, as bytes that nobody has judged yet. */
export interface CallerCertificates {
  readonly der: Buffer;
  /** What comes after it in a PEM file, as in Istio's `cert-chain.pem`. */
  readonly others: readonly Buffer[];
}

/**
 * The certificate files that a path means: itself, or those of a folder (`.pem`, `.crt`, `.cer`, `.der`), sorted by
 * name; folders in it are not looked into.
 *
 * @throws AgentError MESH_ERR_USAGE when there are none
 */
export async function findCertificateFiles(path: string): Promise<readonly string[]> {
  if (!(await isFolder(path))) return [path];
  const files: string[] = [];
  for (const name of (await readdir(path)).toSorted()) {
    const file = join(path, name);
    if (/\.(?:pem|crt|cer|der)$/i.test(name) && !(await isFolder(file))) files.push(file);
  }
  if (files.length > 0) return files;
  throw new AgentError(
    'MESH_ERR_USAGE',
    `${path} holds no *.pem, *.crt, *.cer or *.der`,
    'give a certificate file, or a folder of such files, with --cert',
  );
}

/**
 * @returns undefined when it holds no certificate
 * @throws AgentError MESH_ERR_USAGE when the file cannot be read
 */
export async function loadCertificateFile(file: string): Promise<CallerCertificates | undefined> {
  try {
    return parseCertificateFile(await readFile(file));
  } catch (error) {
    throw unreadable(file, error);
  }
}

const pemBlock = /-----BEGIN (X509 )?CERTIFICATE-----([\s\S]*?)-----END \1?CERTIFICATE-----/g;

/**
 * Takes certificates out of PEM or DER and looks at nothing inside: a strict library would refuse what a hostile
 * caller shows, and the question is what the device makes of it.
 *
 * @returns undefined when it holds none, or when the first is no base64
 */
export function parseCertificateFile(content: Buffer): CallerCertificates | undefined {
  // A certificate in DER may hold a whole PEM block in one of its names, so this comes first.
  if (isDerSequence(content)) return { der: content, others: [] };
  const [der, ...others] = [...content.toString('latin1').matchAll(pemBlock)].map(([, , body = '']) =>
    decodeBase64(body),
  );
  if (der === undefined) return undefined;
  return { der, others: others.filter((other) => other !== undefined) };
}

/** A SEQUENCE with a length of the long form, which no text can begin with, or one that is all of the content. */
function isDerSequence(content: Buffer): boolean {
  const [tag, length = 0] = content;
  return tag === 0x30 && (length > 0x80 || length + 2 === content.length);
}

function decodeBase64(text: string): Buffer | undefined {
  const compact = text.replaceAll(/\s/g, '');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(compact) ? Buffer.from(compact, 'base64') : undefined;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): AgentError {
  const code = systemErrorCode(error);
  return new AgentError(
    'MESH_ERR_USAGE',
    code === 'ENOENT' ? `${path} does not exist` : `${path} cannot be read (${code})`,
    'give a certificate file, or a folder of such files, with --cert',
  );
}
