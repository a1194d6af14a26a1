import { pathToFileURL } from 'node:url';
import { isAbsolute } from 'node:path';
import { createHash } from 'node:crypto';
import type { Check, Finding, Level, Unjudged, VetReport } from './check.js';
import type { ConfigLines } from './config-lines.js';

interface SarifOptions {
  readonly checks: readonly Check[];
  /** Of this program. */
  readonly version: string;
  /** As it was given. */
  readonly configFile: string;
  readonly lines: ConfigLines;
}

/** SARIF 2.1.0, section 3.27.10. */
const sarifLevels: Readonly<Record<Level, string>> = { error: 'error', warning: 'warning', info: 'note' };

/**
 * A report as SARIF 2.1.0 (OASIS), for code scanning: a rule a check, a result a finding.
 *
 * Objects of cluster and device are logical locations; the physical one is the line of the config file that leads to
 * them. Checks that could not be judged are results of kind `review`, so that they do not pass for fine.
 */
export function renderSarif(report: VetReport, options: SarifOptions): object {
  const { checks, version } = options;
  return {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: {
          driver: {
            name: 'bigip-mesh vet',
            semanticVersion: version,
            rules: checks.map(renderRule),
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [{ executionSuccessful: true }],
        results: [
          ...report.findings.map((finding) => renderFinding(finding, options)),
          ...report.unknown.map((unjudged) => renderUnjudged(unjudged, options)),
        ],
      },
    ],
  };
}

function renderRule({ code, title, level, why, mend }: Check): object {
  return {
    id: code,
    name: title
      .split(/[^A-Za-z0-9]+/)
      .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
      .join(''),
    shortDescription: { text: title },
    fullDescription: { text: why },
    help: { text: `${why} ${mend}`, markdown: `${why}\n\n**Mend:** ${mend}` },
    defaultConfiguration: { level: sarifLevels[level] },
  };
}

function renderFinding(finding: Finding, options: SarifOptions): object {
  const { code, level, object, seen } = finding;
  return {
    ruleId: code,
    ruleIndex: ruleIndex(code, options),
    kind: level === 'info' ? 'informational' : 'fail',
    // What is not of kind fail has the level none (section 3.27.9).
    level: level === 'info' ? 'none' : sarifLevels[level],
    message: { text: `${object}: ${seen}` },
    locations: [renderLocation(finding, object, options)],
    partialFingerprints: { 'seenObject/v1': fingerprint(code, object, finding.service ?? '') },
  };
}

function renderUnjudged(unjudged: Unjudged, options: SarifOptions): object {
  const { code, gap } = unjudged;
  const needs = gap.needs === undefined ? '' : `; needs: ${gap.needs}`;
  return {
    ruleId: code,
    ruleIndex: ruleIndex(code, options),
    kind: 'review',
    level: 'none',
    message: { text: `unknown: ${gap.reason}${needs}` },
    locations: [renderLocation(unjudged, undefined, options)],
    partialFingerprints: { 'seenObject/v1': fingerprint(code, 'unknown', unjudged.service ?? '') },
  };
}

function renderLocation(
  { service, device }: { readonly service?: string; readonly device?: string },
  object: string | undefined,
  { configFile, lines }: SarifOptions,
): object {
  const line = service === undefined ? lines.devices.get(device ?? '') : lines.services.get(service);
  const uri = isAbsolute(configFile)
    ? pathToFileURL(configFile).href
    : encodeURI(configFile.replaceAll('\\', '/'));
  return {
    physicalLocation: { artifactLocation: { uri }, region: { startLine: line ?? 1 } },
    ...(object === undefined
      ? {}
      : {
          logicalLocations: [
            { name: object.split(' ').at(-1), fullyQualifiedName: object, kind: 'resource' },
          ],
        }),
  };
}

function ruleIndex(code: string, { checks }: SarifOptions): number {
  return checks.findIndex((check) => check.code === code);
}

function fingerprint(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
}
