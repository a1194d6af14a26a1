import { checkGroups } from '../../../src/conformance/suite.js';

const needs = { nothing: 'no login', login: 'login', write: '`--write`' } as const;

/** The page that says what the agent relies on: `npm run docs` writes it from the checks themselves. */
export function renderConformancePage(): string {
  const groups = checkGroups.flatMap(({ title, checks }) => [
    `## ${title.charAt(0).toUpperCase()}${title.slice(1)}`,
    '',
    '| what the agent relies on | asked with | where it is known from |',
    '|---|---|---|',
    ...checks.map((check) => `| ${check.name} | ${needs[check.needs]} | ${check.evidence} |`),
    '',
  ]);
  return [...introduction, ...groups].join('\n');
}

const introduction = [
  '# Conformance',
  '',
  'Everything that the agent relies on in a BIG-IP, as checks with a name each. They run against the mock in every test run,',
  'for each release that the mock speaks, and against a device of yours by one command:',
  '',
  '    npm run conformance -- --url https://192.0.2.10 --ca bigip.pem --user admin --password-file password',
  '',
  'It prints a line a check: `ok`, `FAIL` with what was expected and what was seen, or `skipped` with the reason; the exit code',
  'is 1 when something failed. `--output json` gives the same for a file, `--sha256 FINGERPRINT` takes the place of `--ca`.',
  '',
  'Without `--write` it only reads, and extends and deletes login tokens of its own. With it, it makes the partition',
  '`mesh_conformance`, writes into that alone, and removes it at the end, also after a failure or Ctrl-C; a partition of that',
  'name that it did not make is left alone. Its virtual servers are disabled and use addresses of RFC 5737. It does not save',
  'the configuration, synchronise a pair or touch the 100 tokens that a user may hold: those would reach beyond the partition.',
  '',
  'A check that fails on a device is worth an issue, with the JSON: either the agent has to learn, or a page of this project is',
  'wrong. The last column says how sure the statement was before: recorded from a device, written down by F5, taken from clients',
  'that are widely used, reported by their users, or not on record at all.',
  '',
];
