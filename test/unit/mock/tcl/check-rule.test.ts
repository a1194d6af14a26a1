import { strict as assert } from 'node:assert';
import { checkRuleText } from '../../../../src/mock/tcl/check-rule.js';

const shown = (text: string): string[] =>
  checkRuleText(text).map(({ line, kind, source }) => `${line}: ${kind} [${source}]`);

describe('the load-time check of a rule', () => {
  it('lets an empty rule and a good rule load', () => {
    assert.deepEqual(shown(''), []);
    assert.deepEqual(
      shown(
        'timing on\nproc a {b} {\n  return $b\n}\nwhen CLIENT_ACCEPTED priority 1 timing off {\n  call a 1\n}\n',
      ),
      [],
    );
  });

  const cases: ReadonlyArray<[name: string, text: string, ...errors: string[]]> = [
    [
      'an unknown command',
      'when CLIENT_ACCEPTED {\n  xlog local0.info "grabbing full packet"\n}',
      '2: undefined procedure: xlog [xlog local0.info "grabbing full packet"]',
    ],
    [
      'an unknown command inside catch, where it would never run',
      'when CLIENT_ACCEPTED {\n  if {0} {\n    catch { X::pem2der x }\n    catch { foo }\n  }\n}',
      '4: undefined procedure: foo [foo]',
    ],
    [
      'a procedure that is called without call',
      'proc a {} { return 1 }\nwhen CLIENT_ACCEPTED { set x [a] }',
      '2: undefined procedure: a [a]',
    ],
    [
      'a disabled command, in a bracket of a quoted word',
      'when CLIENT_ACCEPTED {\n\n  set x "a [namespace current]"\n}',
      '3: command is disabled: "namespace" [namespace current]',
    ],
    [
      'characters behind a brace',
      'when CLIENT_ACCEPTED {\n  set x {a}ggg\n}',
      '2: parse error: extra characters after close-brace [ggg]',
    ],
    [
      'a brace that is never closed',
      'when CLIENT_ACCEPTED {\n',
      '1: parse error: missing close-brace [when CLIENT_ACCEPTED {]',
    ],
    [
      'a command out of its event',
      'when CLIENT_ACCEPTED {\n  set c [SSL::cert 0]\n}',
      '2: command is not valid in current event context (CLIENT_ACCEPTED): "SSL::cert" [SSL::cert 0]',
    ],
    [
      'a connection in RULE_INIT',
      'when RULE_INIT {\n  set static::a [IP::client_addr]\n}',
      '2: command is not valid in current event context (RULE_INIT): "IP::client_addr" [IP::client_addr]',
    ],
    [
      'the session table in RULE_INIT',
      'when RULE_INIT {\n  table set a 1\n}',
      '2: command is not valid in current event context (RULE_INIT): "table" [table set a 1]',
    ],
    [
      'high-speed logging in RULE_INIT',
      'when RULE_INIT {\n  set static::h [HSL::open -proto UDP -pool p]\n}',
      '2: command is not valid in current event context (RULE_INIT): "HSL::open" [HSL::open -proto UDP -pool p]',
    ],
    [
      'the extensions of a ClientHello before there is one',
      'when CLIENT_ACCEPTED {\n  SSL::extensions count\n}',
      '2: command is not valid in current event context (CLIENT_ACCEPTED): "SSL::extensions" [SSL::extensions count]',
    ],
    [
      'an event that does not exist',
      'when CLIENT_ACCEPT {\n}',
      '1: unknown event: CLIENT_ACCEPT [when CLIENT_ACCEPT {\n}]',
    ],
    [
      'an event that is handled twice',
      'when CLIENT_ACCEPTED { }\nwhen CLIENT_ACCEPTED { }',
      '2: Duplicate event: CLIENT_ACCEPTED [when CLIENT_ACCEPTED { }]',
    ],
    [
      'a priority above 1000',
      'when CLIENT_ACCEPTED priority 1001 { }',
      '1: unexpected extra argument "priority" [when CLIENT_ACCEPTED priority 1001 { }]',
    ],
    [
      'a command outside of all events',
      'set x 1',
      '1: command is not valid in the current scope: "set" [set x 1]',
    ],
    [
      'an unknown function of an expression',
      'when CLIENT_ACCEPTED {\n  if {max(1, 2) > 1} { return }\n}',
      '2: unknown math function "max" [max]',
    ],
    [
      'a letter outside of ASCII',
      'when CLIENT_ACCEPTED {\n  set x "é"\n}',
      '2: parse error: braces are required around the expression [é]',
    ],
  ];
  for (const [name, text, ...errors] of cases) {
    it(`finds ${name}`, () => assert.deepEqual(shown(text), errors));
  }

  it('gives errors in the order of their lines', () => {
    const lines = checkRuleText('when CLIENT_ACCEPTED {\n  foo\n  exec ls\n  bar\n}').map(({ line }) => line);
    assert.deepEqual(lines, [2, 3, 4]);
  });

  it('lets commands and events load that the device has and the mock has not', () => {
    assert.deepEqual(shown('when HTTP_REQUEST {\n  pool /Common/p\n  HTTP::uri /x\n}'), []);
  });
});
