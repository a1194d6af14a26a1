import { strict as assert } from 'node:assert';
import { AgentError } from '../../../../src/errors.js';
import { RuleEngine } from '../../../../src/mock/tcl/rule-engine.js';
import type { Effect, Facts, Flow } from '../../../../src/mock/tcl/rule-engine.js';
import { TclProcessGone } from '../../../../src/mock/tcl/tcl-process.js';

const init: Effect[] = [];

function makeEngine(
  options: { eventTimeLimitMs?: number; answerTimeoutMs?: number; tclsh?: string } = {},
): RuleEngine {
  return new RuleEngine({
    eventTimeLimitMs: 5000,
    answerTimeoutMs: 20_000,
    onStarted: () => undefined,
    onGone: () => undefined,
    onRuleInit: (effects) => init.push(...effects),
    ...options,
  });
}

describe('the rule engine', () => {
  let engine: RuleEngine;
  before(async () => {
    engine = makeEngine();
    await engine.start();
  });
  after(() => engine.close());

  async function open(...texts: readonly string[]): Promise<Flow> {
    const rules = await Promise.all(
      texts.map((text, index) => engine.loadRule({ fullPath: `/Common/r${index}`, text })),
    );
    return engine.openFlow(rules);
  }

  /** What a body logs, or its error. */
  async function run(body: string, facts: Facts = {}): Promise<string[]> {
    const flow = await open(`when CLIENT_ACCEPTED {\n${body}\n}`);
    const effects = await flow.run('CLIENT_ACCEPTED', facts);
    await flow.close();
    return said(effects);
  }

  function said(effects: readonly Effect[]): string[] {
    return effects.flatMap((effect) => {
      if (effect.kind === 'log') return [effect.text.replace(/^Rule \S+ <\S+>: /, '')];
      return effect.kind === 'error' ? [`error: ${effect.message}`] : [];
    });
  }

  it('says how to get Tcl where there is none', async () => {
    const other = makeEngine({ tclsh: '/nowhere/tclsh' });
    await assert.rejects(
      () => other.start(),
      (error) =>
        error instanceof AgentError &&
        error.code === 'MESH_ERR_TCLSH_MISSING' &&
        /apt-get install tcl/.test(error.nextStep),
    );
    await other.close();
  });

  describe('offers the Tcl of TMM', () => {
    it('without the commands that TMM disables', async () => {
      for (const command of [
        'exec ls',
        'open /etc/passwd',
        'socket localhost 1',
        'exit',
        'file exists /',
        'namespace current',
      ]) {
        const [answer = ''] = await run(command);
        assert.match(answer, /^error: invalid command name/, command);
      }
    });

    it('without the commands and words that came after Tcl 8.4', async () => {
      for (const command of [
        'dict create',
        'lassign {1} a',
        'lmap x {} {}',
        'try {}',
        'string reverse ab',
        'binary encode hex a',
        'incr unset',
      ]) {
        const [answer = ''] = await run(command);
        assert.match(answer, /^error: /, command);
      }
    });

    it('with its binary scan, regexp and arrays', async () => {
      assert.deepEqual(
        await run(
          'binary scan $::tmm_bytes cc a b\nset n(x) [expr {$a & 0xff}]\nif {[regexp {^(.)b$} ab all first]} { log local0. "$n(x) $b $first" }'.replace(
            '$::tmm_bytes',
            '"\\xff\\x01"',
          ),
        ),
        ['255 1 a'],
      );
    });
  });

  describe('runs events', () => {
    it('of several rules by priority, then in the order in which they are attached', async () => {
      const flow = await open(
        'when CLIENT_ACCEPTED { log local0. "500 first" }',
        'when CLIENT_ACCEPTED priority 1 { log local0. "1" }',
        'when CLIENT_ACCEPTED { log local0. "500 second" }',
      );
      assert.deepEqual(said(await flow.run('CLIENT_ACCEPTED', {})), ['1', '500 first', '500 second']);
      await flow.close();
    });

    it('of one connection with variables in common, and none in common with another', async () => {
      const text =
        'when CLIENT_ACCEPTED { set x 1 }\nwhen CLIENT_CLOSED { if {[info exists x]} { log local0. seen } }';
      const [one, other] = [await open(text), await open(text)];
      await one.run('CLIENT_ACCEPTED', {});
      assert.deepEqual(said(await one.run('CLIENT_CLOSED', {})), ['seen']);
      assert.deepEqual(said(await other.run('CLIENT_CLOSED', {})), []);
      await Promise.all([one.close(), other.close()]);
    });

    it('of a connection in an interpreter that keeps nothing of the connections before', async () => {
      const first = await open('when CLIENT_ACCEPTED { set x 1; set a(b) 2; upvar 0 x y }');
      await first.run('CLIENT_ACCEPTED', {});
      await first.close();
      assert.deepEqual(await run('log local0. "[info exists x][array exists a][info exists y]"'), ['000']);
    });

    it('to their end after reject, and no further event after event disable all', async () => {
      const flow = await open(
        'when CLIENT_ACCEPTED priority 1 { reject; log local0. after; event disable all; return; log local0. never }\nwhen CLIENT_CLOSED { log local0. closed }',
        'when CLIENT_ACCEPTED { log local0. other }',
      );
      const effects = await flow.run('CLIENT_ACCEPTED', {});
      assert.deepEqual(
        effects.map(({ kind }) => kind),
        ['run', 'reject', 'log'],
      );
      assert.deepEqual(said(effects), ['after']);
      assert.deepEqual(await flow.run('CLIENT_CLOSED', {}), []);
      await flow.close();
    });

    it('that a rule switches off and on by name', async () => {
      const flow = await open(
        'when CLIENT_ACCEPTED { event CLIENT_DATA disable }\nwhen CLIENT_DATA { log local0. data }\nwhen LB_SELECTED { event CLIENT_DATA enable }',
      );
      await flow.run('CLIENT_ACCEPTED', {});
      assert.deepEqual(said(await flow.run('CLIENT_DATA', {})), []);
      await flow.run('LB_SELECTED', {});
      assert.deepEqual(said(await flow.run('CLIENT_DATA', {})), ['data']);
      await flow.close();
    });

    it('and reports an error with the command that failed, after which no rule runs', async () => {
      const flow = await open(
        'when CLIENT_ACCEPTED priority 1 {\n  log local0. "$nothing"\n}',
        'when CLIENT_ACCEPTED { log local0. other }',
      );
      const effects = await flow.run('CLIENT_ACCEPTED', {});
      assert.deepEqual(effects.slice(1), [
        {
          kind: 'error',
          rule: '/Common/r0',
          event: 'CLIENT_ACCEPTED',
          message: 'can\'t read "nothing": no such variable',
          command: 'log local0. "$nothing"',
        },
      ]);
      await flow.close();
    });

    it('and reports break outside of a loop as an error', async () => {
      assert.deepEqual(await run('break'), ['error: invoked "break" outside of a loop']);
    });
  });

  describe('ends a rule that runs for ever', () => {
    let impatient: RuleEngine;
    beforeEach(async () => {
      impatient = makeEngine({ eventTimeLimitMs: 60, answerTimeoutMs: 1000 });
      await impatient.start();
    });
    afterEach(() => impatient.close());

    for (const body of [
      'while 1 { }',
      'while 1 { catch { set x 1 } }',
      'catch { while 1 { } }; log local0. survived',
    ]) {
      it(`as a TCL error: ${body}`, async () => {
        const rule = await impatient.loadRule({
          fullPath: '/Common/loop',
          text: `when CLIENT_ACCEPTED { ${body} }`,
        });
        const flow = await impatient.openFlow([rule]);
        assert.deepEqual(said(await flow.run('CLIENT_ACCEPTED', {})), ['error: time limit exceeded']);
        await flow.close();
      });
    }

    it('with a new interpreter when it cannot be interrupted, with the same data groups', async () => {
      await impatient.setDataGroups([
        { fullPath: '/Common/dg', type: 'string', records: [{ name: 'a', data: 'b' }] },
      ]);
      const text =
        'when CLIENT_ACCEPTED { log local0. [class match -value -- a equals dg] }\nwhen LB_SELECTED { regexp {^(a*)(a*)(a*)(a*)\\1\\2\\3\\4b$} [string repeat a 401]b }';
      const flow = await impatient.openFlow([await impatient.loadRule({ fullPath: '/Common/hog', text })]);
      await assert.rejects(() => flow.run('LB_SELECTED', {}), TclProcessGone);
      const next = await impatient.openFlow([await impatient.loadRule({ fullPath: '/Common/hog', text })]);
      assert.deepEqual(said(await next.run('CLIENT_ACCEPTED', {})), ['b']);
      await next.close();
      await flow.close();
    });
  });

  describe('knows procedures', () => {
    it('by call, in the same rule and in another one', async () => {
      await engine.loadRule({
        fullPath: '/Common/lib',
        text: 'proc outer {x} { return [call inner $x] }\nproc inner {x} { return "lib $x" }',
      });
      const flow = await open(
        'proc own {x} { upvar 1 seen seen; set seen yes; return "own $x" }\nwhen CLIENT_ACCEPTED { log local0. "[call own 1] $seen [call /Common/lib::outer 2] [call own 3]" }',
      );
      assert.deepEqual(said(await flow.run('CLIENT_ACCEPTED', {})), ['own 1 yes lib 2 own 3']);
      await flow.close();
    });

    it('by nothing else', async () => {
      const flow = await open(
        'proc own {} { return 1 }\nwhen CLIENT_ACCEPTED { own }\nwhen CLIENT_DATA { call other }',
      );
      assert.deepEqual(said(await flow.run('CLIENT_ACCEPTED', {})), ['error: invalid command name "own"']);
      assert.deepEqual(said(await flow.run('CLIENT_DATA', {})), ['error: undefined procedure: other']);
      await flow.close();
    });
  });

  it('runs RULE_INIT once, when a rule is loaded, and shares static variables', async () => {
    init.length = 0;
    const text =
      'when RULE_INIT { set static::limit 5; set static::by(a) 7; log local0. started }\nwhen CLIENT_ACCEPTED { log local0. "$static::limit $static::by(a)"; set static::limit 6 }';
    const [one, other] = [await open(text), await open(text)];
    assert.deepEqual(said(init), ['started']);
    assert.deepEqual(said(await one.run('CLIENT_ACCEPTED', {})), ['5 7']);
    assert.deepEqual(said(await other.run('CLIENT_ACCEPTED', {})), ['6 7']);
    await Promise.all([one.close(), other.close()]);
  });

  describe('looks up data groups', () => {
    before(() =>
      engine.setDataGroups([
        {
          fullPath: '/Common/dg',
          type: 'string',
          records: [
            { name: 'apple', data: 'red' },
            { name: 'app', data: '' },
          ],
        },
        { fullPath: '/mesh/empty', type: 'string', records: [] },
      ]),
    );

    for (const [command, answer] of [
      ['class match -- apple equals /Common/dg', '1'],
      ['class match -- pear equals dg', '0'],
      ['class match -value -- apple equals dg', 'red'],
      ['class match -value -- pear equals dg', ''],
      ['class match -name -- apples starts_with dg', 'app'],
      ['class match -all -name -- apples starts_with dg', 'app apple'],
      ['class search -name -- dg starts_with appl', 'apple'],
      ['class match -element -- apple equals dg', 'apple red'],
      ['class match -- xapp ends_with dg', '1'],
      ['class match -- x equals /mesh/empty', '0'],
      ['class lookup apple dg', 'red'],
      ['class exists /mesh/empty', '1'],
      ['class exists empty', '0'],
      ['class size dg', '2'],
    ] as const) {
      it(`${command} is "${answer}"`, async () => {
        assert.deepEqual(await run(`log local0. [${command}]`), [answer]);
      });
    }

    it('and takes an item that begins with a hyphen for an option, as the device does', async () => {
      assert.deepEqual(await run('class match "-evil" equals dg'), [
        'error: bad option "-evil": must be -all, -index, -element, -list, -name, or -value',
      ]);
    });

    it('and fails when a data group is missing, also when it went away meanwhile', async () => {
      const text = 'when CLIENT_ACCEPTED { log local0. [class match -- apple equals dg] }';
      const flow = await open(text);
      assert.deepEqual(said(await flow.run('CLIENT_ACCEPTED', {})), ['1']);
      await engine.setDataGroups([]);
      assert.match(said(await flow.run('CLIENT_ACCEPTED', {}))[0] ?? '', /^error: Could not find data group/);
      await flow.close();
    });
  });

  describe('carries out', () => {
    it('log with facility and level, and without the name of the rule', async () => {
      const flow = await open(
        'when CLIENT_ACCEPTED { log local1.err one; log -noname local0. two; log three }',
      );
      const logs = (await flow.run('CLIENT_ACCEPTED', {})).filter(({ kind }) => kind === 'log');
      assert.deepEqual(logs, [
        { kind: 'log', facility: 'local1', level: 'err', text: 'Rule /Common/r0 <CLIENT_ACCEPTED>: one' },
        { kind: 'log', facility: 'local0', level: 'info', text: 'two' },
        { kind: 'log', facility: 'local0', level: 'info', text: 'Rule /Common/r0 <CLIENT_ACCEPTED>: three' },
      ]);
      await flow.close();
    });

    it('certificates as bytes, every value of a byte among them', async () => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
      const [hex] = await run('binary scan [SSL::cert 0] H* hex\nlog local0. $hex', {
        certificate_count: 1,
        'certificate.0': bytes,
      });
      assert.equal(hex, bytes.toString('hex'));
    });

    it('SSL::cert of an index that is not there, as an error', async () => {
      assert.deepEqual(await run('SSL::cert 0'), ['error: invalid certificate index "0"']);
      assert.deepEqual(await run('log local0. [SSL::cert count]'), ['0']);
    });

    it('base64, findstr and getfield', async () => {
      assert.deepEqual(
        await run(
          'log local0. "[b64encode abc] [b64decode YWJj] [findstr {a, URI:x, b} URI: 4 ,] [getfield a//b//c // 2]"',
        ),
        ['YWJj abc x b'],
      );
    });

    it('iStats, which are one number for all connections', async () => {
      const text = 'when CLIENT_ACCEPTED { ISTATS::incr "ltm.virtual /mesh/x counter hits" 2 }';
      for (const flow of [await open(text), await open(text)]) {
        await flow.run('CLIENT_ACCEPTED', {});
        await flow.close();
      }
      assert.equal((await engine.istats()).get('ltm.virtual /mesh/x counter hits'), '4');
      assert.match((await run('ISTATS::incr "ltm.virtual /mesh/x counter hits" -1'))[0] ?? '', /^error/);
    });

    describe('STATS, on a profile that the virtual server carries:', () => {
      const carried = { virtual: '/mesh/x', statistics_profiles: '/Common/other /mesh/c' };
      before(() =>
        engine.setStatisticsProfiles([
          { fullPath: '/mesh/c', fields: ['hits', 'most', 'least'] },
          { fullPath: '/Common/other', fields: ['hits'] },
          { fullPath: '/mesh/idle', fields: ['hits'] },
        ]),
      );
      after(() => engine.setStatisticsProfiles([]));

      it('counts up and down, and says what a field is', async () => {
        const body =
          'log local0. "[STATS::incr /mesh/c hits] [STATS::incr /mesh/c hits 5] [STATS::get /mesh/c hits]"';
        assert.deepEqual(await run(body, carried), ['1 6 6']);
        assert.deepEqual(await run('log local0. [STATS::incr /mesh/c hits -2]', carried), ['4']);
        assert.deepEqual(await run('log local0. [STATS::set /mesh/c hits 9]', carried), ['9']);
        assert.deepEqual(
          await run('STATS::set /mesh/c hits\nlog local0. [STATS::get /mesh/c hits]', carried),
          ['0'],
        );
      });

      it('keeps a maximum and a minimum', async () => {
        const most = 'foreach n {3 8 5} { set v [STATS::setmax /mesh/c most $n] }; log local0. $v';
        assert.deepEqual(await run(most, carried), ['8']);
        const least = 'foreach n {-3 -8 5} { set v [STATS::setmin /mesh/c least $n] }; log local0. $v';
        assert.deepEqual(await run(least, carried), ['-8']);
      });

      it('tells of each change', async () => {
        const flow = await open(
          'when CLIENT_ACCEPTED { STATS::set /mesh/c hits 3; STATS::get /mesh/c hits }',
        );
        const counted = (await flow.run('CLIENT_ACCEPTED', carried)).filter(({ kind }) => kind === 'count');
        assert.deepEqual(counted, [{ kind: 'count', profile: '/mesh/c', field: 'hits', value: 3 }]);
        await flow.close();
      });

      it('takes a bare name for one of /Common', async () => {
        assert.deepEqual(await run('log local0. [STATS::incr other hits]', carried), ['1']);
      });

      for (const [name, body] of [
        ['another profile', 'STATS::incr /mesh/idle hits'],
        ['no profile', 'STATS::incr /mesh/none hits'],
        ['a field that has no such name', 'STATS::get /mesh/c misses'],
        ['the number of a field', 'STATS::incr /mesh/c field1'],
        ['what is no number', 'STATS::set /mesh/c hits many'],
      ] as const) {
        it(`fails on ${name}`, async () => assert.match((await run(body, carried))[0] ?? '', /^error: /));
      }

      it('forgets a field that is taken away, and no other', async () => {
        await run('STATS::set /mesh/c hits 5; STATS::set /mesh/c most 6', carried);
        await engine.setStatisticsProfiles([{ fullPath: '/mesh/c', fields: ['most'] }]);
        await engine.setStatisticsProfiles([{ fullPath: '/mesh/c', fields: ['hits', 'most'] }]);
        const body = 'log local0. "[STATS::get /mesh/c hits] [STATS::get /mesh/c most]"';
        assert.deepEqual(await run(body, carried), ['0 6']);
      });
    });

    it('after, once and again and again, until it is cancelled', async () => {
      const flow = await open(
        'when CLIENT_ACCEPTED {\nset n 0\nafter 100 { log local0. once }\nset id [after 50 -periodic { incr n; log local0. "tick $n"; if {$n == 2} { after cancel -current } }]\n}',
      );
      const timers = (await flow.run('CLIENT_ACCEPTED', {})).filter((effect) => effect.kind === 'after');
      assert.deepEqual(
        timers.map(({ delayMs, isPeriodic }) => [delayMs, isPeriodic]),
        [
          [100, false],
          [50, true],
        ],
      );
      const [once, periodic] = timers.map(({ id }) => id);
      assert.deepEqual(said(await flow.runTimer(once ?? '')), ['once']);
      assert.deepEqual(said(await flow.runTimer(once ?? '')), []);
      assert.deepEqual(said(await flow.runTimer(periodic ?? '')), ['tick 1']);
      const last = await flow.runTimer(periodic ?? '');
      assert.deepEqual(said(last), ['tick 2']);
      assert.deepEqual(last.at(-1), { kind: 'cancel', id: periodic });
      await flow.close();
    });
  });
});
