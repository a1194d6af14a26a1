import { strict as assert } from 'node:assert';
import { AgentError } from '../../../src/errors.js';
import {
  loadAllowlistFile,
  parseAllowlistFile,
  trustDomainsNamed,
} from '../../../src/explain/allowlist-file.js';

const sleep = 'spiffe://cluster.local/ns/trusted/sa/sleep';
const batch = 'spiffe://cluster.local/ns/batch/sa/*';
const retired = 'spiffe://cluster.local/ns/batch/sa/retired';

const configMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name: 'echo-callers' },
  data: { allow: `# who may\n${sleep}\n${batch}  # all of batch\n`, deny: `${retired}\n`, mode: 'audit' },
};
const second = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name: 'more-callers' },
  data: { allow: 'spiffe://example.org/ns/a/sa/b', mode: 'audit' },
};
const yaml = `apiVersion: v1
kind: ConfigMap
metadata:
  name: echo-callers
  namespace: default
data:
  allow: |
    # who may
    ${sleep}
    ${batch}  # all of batch
  deny: |
    ${retired}
  mode: audit
`;
const dataYaml = `# the data alone\nallow: |\n  # who may\n  ${sleep}\n  ${batch}  # all of batch\ndeny: ${retired}\nmode: audit\n`;

/** What it says, without where it says so. */
function contentOf(text: string): { allow: string[]; deny: string[]; mode: string } {
  const { allow, deny, mode } = parseAllowlistFile(text, 'callers.txt');
  return { allow: allow.map((entry) => entry.text), deny: deny.map((entry) => entry.text), mode };
}

function refusalOf(text: string): string {
  try {
    parseAllowlistFile(text, 'callers.txt');
  } catch (error) {
    assert.ok(error instanceof AgentError);
    assert.equal(error.code, 'MESH_ERR_ALLOWLIST_INVALID');
    assert.equal(error.consequence, 'invalid');
    return error.message;
  }
  return assert.fail(`taken: ${text}`);
}

describe('an allowlist file', () => {
  const forms: ReadonlyArray<[string, string]> = [
    ['a ConfigMap in YAML', yaml],
    [
      'a ConfigMap in YAML behind a comment, a document mark and a byte order mark',
      `\uFEFF# mine\n---\n${yaml}`,
    ],
    ['a ConfigMap in YAML with CRLF', yaml.replaceAll('\n', '\r\n')],
    ['a ConfigMap in JSON', JSON.stringify(configMap, null, 2)],
    ['a List of ConfigMaps', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [configMap] })],
    ['a ConfigMapList', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMapList', items: [configMap] })],
    ['the data of one in YAML', dataYaml],
    ['the data of one in JSON', JSON.stringify(configMap.data)],
    ['the data of one under its key', JSON.stringify({ data: configMap.data })],
  ];
  for (const [what, text] of forms) {
    it(`may be ${what}`, () => {
      assert.deepEqual(contentOf(text), { allow: [batch, sleep], deny: [retired], mode: 'audit' });
    });
  }

  const plain: ReadonlyArray<[string, string]> = [
    ['an entry a line', `${sleep}\n${batch}\n`],
    ['comments, blank lines and blanks', `# who may\n\n  ${sleep}  # the good one\n\t${batch}`],
    ['CRLF and a byte order mark', `\uFEFF${sleep}\r\n${batch}\r\n`],
  ];
  for (const [what, text] of plain) {
    it(`may be plain text: ${what}`, () => {
      assert.deepEqual(contentOf(text), { allow: [batch, sleep], deny: [], mode: 'enforce' });
    });
  }

  it('adds up several documents and several items of a List', () => {
    const both = { allow: [batch, sleep, 'spiffe://example.org/ns/a/sa/b'], deny: [retired], mode: 'audit' };
    assert.deepEqual(contentOf(`${yaml}---\n${JSON.stringify(second)}\n---\n`), both);
    assert.deepEqual(contentOf(JSON.stringify({ kind: 'List', items: [configMap, second] })), both);
  });

  it('allows nobody when it is empty', () => {
    for (const text of [
      '',
      '\n',
      '# nobody\n',
      '---\n',
      '{}',
      'allow:\n',
      'kind: ConfigMap\nmetadata: {name: x}\n',
    ])
      assert.deepEqual(contentOf(text), { allow: [], deny: [], mode: 'enforce' }, text);
  });

  it('keeps where each entry stands', () => {
    const { allow } = parseAllowlistFile(yaml, 'callers.yaml');
    assert.deepEqual(
      allow.map(({ origin, comment }) => ({ ...origin, comment })),
      [
        { namespace: 'default', configMap: 'echo-callers', key: 'allow', line: 3, comment: 'all of batch' },
        { namespace: 'default', configMap: 'echo-callers', key: 'allow', line: 2, comment: undefined },
      ],
    );
    const [first] = parseAllowlistFile(`\n${sleep}`, 'callers.txt').allow;
    assert.deepEqual(first?.origin, { namespace: '', configMap: '', key: 'allow', line: 2 });
  });

  const refusals: ReadonlyArray<[string, string, RegExp]> = [
    ['a bad line of plain text', `${sleep}\nsleep\n`, /^callers\.txt: line 2: it does not start with spiffe/],
    [
      'a bad line of a ConfigMap',
      yaml.replace(sleep, 'spiffe://Cluster.local/a'),
      /^callers\.txt: ConfigMap default\/echo-callers, allow line 2: /,
    ],
    ['a bad line of the data alone', dataYaml.replace(sleep, 'x*'), /^callers\.txt: allow line 2: /],
    [
      'a bad mode',
      yaml.replace('audit', 'off'),
      /ConfigMap default\/echo-callers, mode: it must be enforce or audit/,
    ],
    ['an unknown key', yaml.replace('deny:', 'denny:'), /denny: it is not a key of an allowlist; deny is/],
    ['every fault, a line each', 'a\nb\n', /line 1: .*\n.*line 2: /],
    ['a list in place of text', `allow:\n  - ${sleep}\n`, /allow is not text; write "allow: \|"/],
    [
      'another kind',
      yaml.replace('kind: ConfigMap', 'kind: Configmap'),
      /it holds a "Configmap"; give ConfigMaps only/,
    ],
    [
      'another kind beside a ConfigMap',
      `${yaml}---\nkind: Secret\ndata: {allow: eA==}\n`,
      /it holds a "Secret"/,
    ],
    ['a document that is a list', `[${JSON.stringify(sleep)}]`, /neither a ConfigMap nor its data/],
    ['data without keys', `kind: ConfigMap\ndata: ${sleep}\n`, /data is not a mapping/],
    ['broken YAML, at its place', 'allow: |\n  a\n bad: [\n', /^callers\.txt:\d+:\d+: /],
    ['a key that comes twice', `allow: ${sleep}\nallow: ${batch}\n`, /^callers\.txt:2:1: .*unique/],
    [
      'content that is not text',
      JSON.stringify({ ...configMap, binaryData: { deny: 'eA==' } }),
      /deny: it is in binaryData/,
    ],
    [
      'aliases that unfold without end',
      `a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [${'*a, '.repeat(20)}]\nc: [${'*b, '.repeat(20)}]\n`,
      /its aliases unfold/,
    ],
  ];
  for (const [what, text, message] of refusals) {
    it(`is refused for ${what}`, () => assert.match(refusalOf(text), message));
  }

  it('is refused when it cannot be read', async () => {
    await assert.rejects(loadAllowlistFile('/nonexistent/callers.txt'), (error) => {
      assert.ok(error instanceof AgentError);
      assert.equal(error.code, 'MESH_ERR_USAGE');
      return true;
    });
  });

  it('names trust domains by what it allows, and not by what it denies', () => {
    const list = parseAllowlistFile(
      JSON.stringify({
        allow: 'spiffe://b.example/ns/*\nspiffe://a.example/x\nspiffe://b.example/y',
        deny: 'spiffe://c.example/x',
      }),
      'callers.json',
    );
    assert.deepEqual(trustDomainsNamed(list), ['a.example', 'b.example']);
  });
});
