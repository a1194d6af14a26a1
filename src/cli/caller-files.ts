import { readFile } from 'node:fs/promises';
import { AgentError } from '../errors.js';
import { parseSvidPem } from '../identity/svid-pem.js';
import { Secret } from '../secret.js';
import { Svid } from '../spiffe/svid.js';
import { readSvidClaims } from '../spiffe/svid-claims.js';
import { systemErrorCode } from '../system-error.js';

/**
 * Reads somebody's certificate and key, to call a service with.
 *
 * @param which of the pairs of flags: `--good-cert` and `--good-key`
 * @returns undefined when neither file was given
 * @throws AgentError MESH_ERR_USAGE when one is missing or cannot be read; MESH_ERR_SVID_* when they are no SVID
 */
export async function readCaller(
  which: 'good' | 'bad',
  certificateFile: string | undefined,
  keyFile: string | undefined,
): Promise<Svid | undefined> {
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  if (certificateFile === undefined || keyFile === undefined) {
    throw new AgentError(
      'MESH_ERR_USAGE',
      `--${which}-cert and --${which}-key go together`,
      `give both: PEM files with the certificate and its chain, and with its key`,
    );
  }
  const [certificate, key] = await Promise.all([readText(certificateFile), readText(keyFile)]);
  const { leaf, others, privateKey } = parseSvidPem({
    certificate: { place: certificateFile, text: certificate },
    key: { place: keyFile, text: new Secret(key) },
    passphrase: undefined,
  });
  const claims = readSvidClaims(leaf.raw);
  if (!claims.ok) {
    throw new AgentError(
      'MESH_ERR_SVID_UNREADABLE',
      `the certificate in ${certificateFile} is no X.509-SVID (${claims.reason})`,
      'bigip-mesh explain --cert says more of it',
    );
  }
  return new Svid({ spiffeId: claims.spiffeId, leaf, chain: others, privateKey });
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    throw new AgentError('MESH_ERR_USAGE', `${file} cannot be read (${code})`, 'mend the path');
  }
}
