import { configJsonSchema } from '../../src/config/known-keys.js';
import { errorCatalogue } from '../../src/errors.js';
import type { Consequence } from '../../src/errors.js';

const consequences: Readonly<Record<Consequence, string>> = {
  invalid: 'the input is wrong, nothing was tried (exit code 3)',
  refused: 'somebody said no, repeating changes nothing (exit code 1)',
  transient: 'the same call may pass later (exit code 1)',
  bug: 'the agent is at fault (exit code 1)',
};

/** The reference pages that are written from the code: `npm run docs` writes them, a test compares them. */
export const referencePages: ReadonlyArray<{ readonly file: string; readonly render: () => string }> = [
  { file: 'docs/reference/errors.md', render: renderErrors },
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
