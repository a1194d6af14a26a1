import { strict as assert } from 'node:assert';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { repositoryRoot } from '../support/shared-data.js';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(repositoryRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const read = (page: string): string => readFileSync(join(repositoryRoot, page), 'utf8');

/** Prose alone: what is between fences or backticks is no link and no heading. */
function prose(page: string): string {
  return read(page)
    .replaceAll(/^(\s*)```[\s\S]*?^\1```$/gm, '')
    .replaceAll(/^ {4,}.*$/gm, '');
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the links of the documentation', () => {
  for (const page of pages) {
    it(`lead somewhere from ${page}`, () => {
      for (const [, target = ''] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file = '', anchor] = target.split('#');
        const path = file === '' ? page : join(dirname(page), file);
        assert.ok(existsSync(join(repositoryRoot, path)), `${target}: there is no ${path}`);
        if (anchor !== undefined) assert.ok(anchorsOf(path).includes(anchor), `${path} has no #${anchor}`);
      }
    });
  }

  it('lead from the index to every page', () => {
    const linked = [...prose('docs/README.md').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const listed = pages
      .filter((page) => /^docs\/(tutorial|how-to|reference|explanation)\//.test(page))
      .map((page) => relative('docs', page));
    assert.deepEqual(
      listed.filter((page) => !linked.includes(page)),
      [],
    );
  });
});
