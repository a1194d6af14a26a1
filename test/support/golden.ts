import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './shared-data.js';

const folder = join(repositoryRoot, 'test', 'fixtures', 'golden');

/** What differs from run to run, and by what it is replaced. The first that fits a place wins. */
const byChance: ReadonlyArray<readonly [RegExp, string]> = [
  [/\/[^\s"']*\/bigip-mesh-[A-Za-z0-9]{6}\//g, 'FOLDER/'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'],
  [/\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\b/g, 'TIME'],
  [/\btmm\d*\[\d+\]/g, 'tmm[PID]'],
  [/\b[0-9a-f]{64}\b/g, 'SHA256'],
  [/\b([0-9A-F]{2}:){2,31}([0-9A-F]{2}\b|\.\.\.)/g, 'FINGERPRINT'],
  [/_[0-9a-f]{12}\b/g, '_HASH'],
  [/\bcertificate [0-9a-f]{12}\b/g, 'certificate HASH'],
  [/\b127\.0\.0\.1:\d{4,5}\b/g, '127.0.0.1:PORT'],
  [/\bbigip-mesh \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+\)/g, 'bigip-mesh VERSION'],
  [/\bport \d{4,5}\b/g, 'port PORT'],
  [/\b(port|targetPort): \d{4,5}\b/g, '$1: PORT'],
  [/\brendered: [0-9a-f]{12}\b/g, 'rendered: HASH'],
  [/\bin \d+\.\d s\b/g, 'in N s'],
  [/\b\d+(ms|s|m|h) ago\b/g, 'N ago'],
  [/\bwrittenBy: \S+/g, 'writtenBy: REPLICA'],
  [/\bepoch_\d+\b/g, 'epoch_N'],
  [/\bsince = \d{10}\b/g, 'since = SECONDS'],
  [/\bder = \(\d+ characters\)/g, 'der = (N characters)'],
  [/\(\d+ bytes\)/g, '(N bytes)'],
  [/, \d+ bytes:/g, ', N bytes:'],
];

/** The same text for every run. */
export function withoutChance(text: string): string {
  return byChance.reduce((result, [pattern, word]) => result.replaceAll(pattern, word), text);
}

/**
 * Compares a command's output with the one on record in test/fixtures/golden. With UPDATE_GOLDEN=1 in the environment
 * it is put on record instead, for a person to look at the difference.
 */
export function assertGolden(name: string, output: string): void {
  const file = join(folder, `${name}.txt`);
  const seen = withoutChance(output);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, seen);
  assert.equal(seen, readFileSync(file, 'utf8'), `differs from test/fixtures/golden/${name}.txt`);
}
