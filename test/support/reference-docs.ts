import { configJsonSchema } from '../../src/config/known-keys.js';
import { eventCatalogue } from '../../src/controller/event-catalogue.js';
import { metricCatalogue } from '../../src/controller/metric-catalogue.js';
import { errorCatalogue } from '../../src/errors.js';
import type { Consequence } from '../../src/errors.js';
import { renderConformancePage } from '../unit/conformance/conformance-page.js';
import { renderVetPage } from '../unit/vet/vet-page.js';
import { renderCliPage } from './cli-page.js';

const consequences: Readonly<Record<Consequence, string>> = {
  invalid: 'the input is wrong, nothing was tried (exit code 3)',
  refused: 'somebody said no, repeating changes nothing (exit code 1)',
  transient: 'the same call may pass later (exit code 1)',
  bug: 'the agent is at fault (exit code 1)',
};

/** The reference pages that are written from the code: `npm run docs` writes them, a test compares them. */
export const referencePages: ReadonlyArray<{ readonly file: string; readonly render: () => string }> = [
  { file: 'docs/reference/cli.md', render: renderCliPage },
  { file: 'docs/reference/conformance.md', render: renderConformancePage },
  { file: 'docs/reference/errors.md', render: renderErrors },
  { file: 'docs/reference/events.md', render: renderEvents },
  { file: 'docs/reference/metrics.md', render: renderMetrics },
  { file: 'docs/reference/vet.md', render: renderVetPage },
  {
    file: 'docs/reference/config.schema.json',
    render: () => `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
  },
];

function renderErrors(): string {
  const rows = Object.entries(errorCatalogue)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { consequence, meaning }]) => `| \`${code}\` | ${consequence} | ${meaning} |`);
  return [
    '# Errors',
    '',
    'Every error is one line that names the thing, a second one with the next step, and one of these codes. A code, once',
    'released, is never used for something else. Written by `npm run docs`.',
    '',
    ...Object.entries(consequences).map(([consequence, meaning]) => `- **${consequence}**: ${meaning}`),
    '',
    '| code | consequence | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function renderEvents(): string {
  const rows = Object.entries(eventCatalogue)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, { type, meaning }]) => `| \`${reason}\` | ${type} | ${meaning} |`);
  return [
    '# Events',
    '',
    'The controller tells operators where they look: on the allowlist ConfigMaps (`kubectl describe configmap NAME`, or',
    '`kubectl get events --field-selector involvedObject.kind=ConfigMap`). The same is told once an hour at most, whichever',
    'replica leads and however often it restarts. The reporting controller is `bigip-mesh.io/agent`. Written by',
    '`npm run docs`.',
    '',
    '| reason | type | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function renderMetrics(): string {
  const rows = Object.entries(metricCatalogue)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { type, labels, help }]) => {
      const listed = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${listed} | ${help} |`;
    });
  return [
    '# Metrics',
    '',
    'The controller serves these on `/metrics` (`--http`, by default port 8080), in the text format of Prometheus. A replica',
    'that stands by serves them too; what concerns devices is that of the leader, where `bigip_mesh_leader` is 1. A series',
    'is missing until there is something to say: no certificate was proven yet, no request was made. Times are in seconds',
    'since 1970. Written by `npm run docs`.',
    '',
    '| metric | type | labels | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
