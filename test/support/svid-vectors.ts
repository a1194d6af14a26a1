import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { repositoryRoot } from './shared-data.js';

/** Certificates, valid and hostile, with what a correct enforcement point makes of each (see `notes` in the file). */
export interface SvidVector {
  readonly name: string;
  readonly file: string;
  readonly category: string;
  readonly expectedSpiffeIds: readonly string[];
  /** The leaf rules of X509-SVID alone, without time and chain. */
  readonly validSvid: boolean;
  /** TLS included: time and chain count here. */
  readonly decisionIfOnlyTrustedSleepIsAllowed: 'allow' | 'reject';
  readonly mustNotAuthorize: readonly string[];
  readonly enforcement: 'must' | 'either';
  readonly uriSanCount: number;
  readonly uriSansHex: readonly string[];
  readonly sanExtensionCount: number;
  readonly derError: string | null;
  readonly signatureChainValid: boolean;
  readonly timeStatus: string;
}

/** The ID that every decision of the vectors takes for the only allowed one. */
export const trustedSleep = 'spiffe://cluster.local/ns/trusted/sa/sleep';

export const svidVectorFolder = join(repositoryRoot, 'test', 'fixtures', 'svid-vectors');

export function loadSvidVectors(): readonly SvidVector[] {
  const text = readFileSync(join(svidVectorFolder, 'vectors.json'), 'utf8');
  return (JSON.parse(text) as { vectors: SvidVector[] }).vectors;
}

/** The certificate's bytes, taken out of the PEM without any parser looking at them. */
export function vectorDer({ file }: SvidVector): Buffer {
  const pem = readFileSync(join(svidVectorFolder, file), 'latin1');
  return Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');
}

/** The vectors' own CA; `now` for their path validation is 2027-12-28, which all but the time vectors span. */
export function loadVectorCa(): { root: X509Certificate; intermediate: X509Certificate; at: Date } {
  return {
    root: readCa('root.pem'),
    intermediate: readCa('intermediate.pem'),
    at: new Date(1_830_000_000_000),
  };
}

function readCa(name: string): X509Certificate {
  return new X509Certificate(readFileSync(join(svidVectorFolder, 'ca', name)));
}
