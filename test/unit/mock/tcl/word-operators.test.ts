import { strict as assert } from 'node:assert';
import { translateWordOperators } from '../../../../src/mock/tcl/word-operators.js';

const translated = (condition: string): string => {
  const text = `when CLIENT_ACCEPTED {\n  if { ${condition} } {\n    log local0. "and not or"\n  }\n}\n`;
  const result = translateWordOperators(text);
  assert.equal(result.split('\n').length, text.split('\n').length, 'lines stay where they are');
  assert.match(result, /"and not or"/, 'what is no expression stays as it is');
  return /if \{ (.*) \} \{/.exec(result)?.[1] ?? '';
};

describe('F5’s word operators', () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ['$a eq $b && !$c', '$a eq $b && !$c'],
    ['$a and $b or not $c', '$a && $b || ! $c'],
    ['not($a)', '!($a)'],
    ['$a equals "and"', '$a eq "and"'],
    ['$a contains "x"', 'f5_contains($a , "x")'],
    [
      '[string tolower $a] starts_with "x" and $b ends_with {y}',
      'f5_starts_with([string tolower $a] , "x") && f5_ends_with($b , {y})',
    ],
    ['$a contains $b contains $c', 'f5_contains(f5_contains($a , $b) , $c)'],
    ['not ($a matches "x*")', '! (f5_matches_glob($a , "x*"))'],
    // `not` binds tighter, so it is about "abc" and fails when it runs.
    ['not "abc" starts_with "a"', 'f5_starts_with(! "abc" , "a")'],
    ['$a matches_regex {^x+$} ? 1 : 0', 'f5_matches_regex($a , {^x+$}) ? 1 : 0'],
    ['[expr { $a contains $b }] == 1', '[expr { f5_contains($a , $b) }] == 1'],
    ['$n + 1 > 2 and min($a, $b) contains 1', '$n + 1 > 2 && f5_contains(min($a, $b) , 1)'],
    ['$a contains', '$a contains'],
  ];
  for (const [condition, expected] of cases) {
    it(condition, () => assert.equal(translated(condition), expected));
  }
});
