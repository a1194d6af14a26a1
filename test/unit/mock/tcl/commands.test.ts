import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { RuleEngine } from '../../../../src/mock/tcl/rule-engine.js';
import type { Effect, Facts } from '../../../../src/mock/tcl/rule-engine.js';

describe('commands of a rule', () => {
  let engine: RuleEngine;
  let now = Date.UTC(2030, 0, 1);
  before(async () => {
    engine = new RuleEngine({
      eventTimeLimitMs: 5000,
      answerTimeoutMs: 20_000,
      now: () => new Date(now),
      onStarted: () => undefined,
      onGone: () => undefined,
      onRuleInit: () => undefined,
    });
    const group = (fullPath: string, type: 'string' | 'ip' | 'integer', records: Record<string, string>) => ({
      fullPath,
      type,
      records: Object.entries(records).map(([name, data]) => ({ name, data })),
    });
    await engine.setDataGroups([
      group('/Common/nets', 'ip', {
        '10.0.0.0/8': 'ten',
        '10.1.0.0/16': 'ten-one',
        '10.0.0.0%7/8': 'seven',
        '2001:db8::/32': 'doc',
        '192.0.2.1/32': 'host',
      }),
      group('/Common/all', 'ip', { '0.0.0.0/0': 'any' }),
      group('/Common/numbers', 'integer', { '8': 'eight', '-3': 'minus', '100': 'hundred' }),
      group('/Common/words', 'string', { alpha: '1', Beta: '2', 'a b': '3' }),
    ]);
    await engine.setLogTargets({ pools: ['/Common/logs'], publishers: ['/Common/pub'] });
  });
  after(() => engine.close());

  async function effectsOf(body: string, facts: Facts = {}): Promise<readonly Effect[]> {
    const rule = await engine.loadRule({
      fullPath: '/Common/r',
      text: `when CLIENT_ACCEPTED {\n${body}\n}`,
    });
    const flow = await engine.openFlow([rule]);
    const effects = await flow.run('CLIENT_ACCEPTED', facts);
    await flow.close();
    return effects;
  }

  /** The value of a script, or its error. */
  async function value(script: string, facts: Facts = {}): Promise<string> {
    const effects = await effectsOf(`log -noname local0. [${script}]`, facts);
    const [said] = effects.flatMap((effect) => {
      if (effect.kind === 'log') return [effect.text];
      return effect.kind === 'error' ? [`error: ${effect.message}`] : [];
    });
    return said ?? '';
  }

  async function hasValues(cases: ReadonlyArray<readonly [script: string, expected: string]>): Promise<void> {
    for (const [script, expected] of cases) assert.equal(await value(script), expected, script);
  }

  it('F5’s word operators compare text', () =>
    hasValues([
      ['expr { "spiffe://a" starts_with "spiffe:" and not ("x" equals "y") }', '1'],
      ['expr { "abc" contains "bc" }', '1'],
      ['expr { "abc" ends_with "ab" or "abc" ends_with "bc" }', '1'],
      ['expr { "ab" starts_with "abc" }', '0'],
      ['expr { "abc" starts_with "b" }', '0'],
      ['expr { "abc" ends_with "b" }', '0'],
      ['expr { "abc" matches "a*" and "abc" matches_glob "?b?" }', '1'],
      ['expr { "xabcx" matches_regex {ab+c} }', '1'],
      ['expr { "0x10" equals "16" }', '0'],
      ['expr { not "abc" starts_with "a" }', `error: can't use non-numeric string as operand of "!"`],
    ]));

  describe('class', () => {
    it('finds addresses in networks, the narrowest first, each in its route domain', () =>
      hasValues([
        ['class match 10.1.2.3 equals nets', '1'],
        ['class match -value -- 10.1.2.3 equals nets', 'ten-one'],
        ['class match -name 10.200.2.3 equals /Common/nets', '10.0.0.0/8'],
        ['class match -value 10.1.2.3%7 equals nets', 'seven'],
        ['class match 10.1.2.3%8 equals nets', '0'],
        ['class match -value 2001:DB8:0:1::5 equals nets', 'doc'],
        ['class match 2001:db9::1 equals nets', '0'],
        ['class match 192.0.2.2 equals nets', '0'],
        ['class lookup 192.0.2.1 nets', 'host'],
        ['class match -all -value 10.1.2.3 equals nets', 'ten-one ten'],
        ['class match 10.1.0.0/24 equals nets', '1'],
        ['class match ::ffff:10.1.2.3 equals all', '0'],
        ['class match 198.51.100.9 equals all', '1'],
        ['class match nonsense equals nets', 'error: invalid IP address "nonsense"'],
        [
          'class match 10.1.2.3 starts_with nets',
          'error: operator "starts_with" cannot be used with a data group of addresses',
        ],
      ]));

    it('finds numbers whatever their spelling', () =>
      hasValues([
        ['class match -value 0x8 equals numbers', 'eight'],
        ['class match -value -- -3 equals numbers', 'minus'],
        ['class match eight equals numbers', '0'],
        ['class names numbers', '-3 8 100'],
        ['class match -index 100 equals numbers', '2'],
      ]));

    it('lists, counts and walks', () =>
      hasValues([
        ['class type nets', 'ip'],
        ['class size words', '3'],
        ['class exists words', '1'],
        ['class exists none', '0'],
        ['class names -nocase words b*', 'Beta'],
        ['class get words a*', '{{a b} 3} {alpha 1}'],
        ['class element 1 words', '{a b} 3'],
        ['class element -value 2 words', '1'],
        ['class element -name 9 words', ''],
        ['class lookup none words', ''],
        ['class search -name words starts_with al', 'alpha'],
        ['class match -element alphabet starts_with words', 'alpha 1'],
        [
          'class bad words',
          'error: bad option "bad": must be anymore, donesearch, element, exists, get, lookup, match, names, ' +
            'nextelement, search, size, startsearch, or type',
        ],
        [
          'class match -nocase x equals words',
          'error: bad option "-nocase": must be -all, -index, -element, -list, -name, or -value',
        ],
      ]));

    it('walks through all elements once', async () => {
      const effects = await effectsOf(`
        set search [class startsearch words]
        set seen [list]
        while { [class anymore words $search] } { lappend seen [class nextelement -name words $search] }
        lappend seen [class nextelement words $search]
        class donesearch words $search
        log -noname local0. $seen
        class anymore words $search`);
      const said = effects.filter(({ kind }) => kind === 'log' || kind === 'error');
      assert.deepEqual(
        said.map((effect) => (effect.kind === 'log' ? effect.text : effect.kind)),
        ['Beta {a b} alpha {}', 'error'],
      );
    });
  });

  describe('table', () => {
    it('keeps values for every connection', async () => {
      await hasValues([
        ['table set -subtable s k v', 'v'],
        ['table lookup -subtable s k', 'v'],
        ['table lookup k', ''],
        ['table add -subtable s k other', 'v'],
        ['table set -excl -subtable s k other', 'v'],
        ['table replace -subtable s none x', ''],
        ['table set -mustexist -subtable s none x', ''],
        ['table replace -subtable s -- k new', 'new'],
        ['table append -subtable s k er', 'newer'],
        ['table append -mustexist -subtable s none er', ''],
        ['table incr -subtable s count', '1'],
        ['table incr -subtable s count 5', '6'],
        ['table incr -subtable s count -2', '4'],
        ['table incr -mustexist -subtable s none', ''],
        ['table incr -subtable s k', 'error: expected integer but got "newer"'],
        ['table keys -subtable s', 'count k'],
        ['table keys -subtable s -count', '2'],
        ['table delete -subtable s k', ''],
        ['table keys -subtable s', 'count'],
        ['table delete -subtable s -all', ''],
        ['table keys -subtable s -count', '0'],
        ['table keys', 'error: table keys: a subtable must be named'],
        [
          'table get x',
          'error: bad subcommand "get": must be set, add, replace, lookup, incr, append, delete, timeout, lifetime, or keys',
        ],
        ['table lookup -excl x', 'error: bad option "-excl": must be -subtable, -notouch'],
      ]);
    });

    it('forgets what nobody touched for its timeout, 180 s unless said otherwise', async () => {
      await value('table set a 1');
      await value('table set b 1 10');
      assert.equal(await value('table timeout a'), '180');
      now += 9_000;
      assert.equal(await value('table timeout -remaining b'), '1');
      await value('table lookup -notouch b');
      now += 1_000;
      assert.equal(await value('table lookup b'), '', 'a look-up with -notouch does not count');
      assert.equal(await value('table lookup a'), '1', 'this one does');
      now += 179_000;
      assert.equal(await value('table lookup a'), '1');
      now += 3_600_000;
      assert.equal(await value('table lookup a'), '');
      assert.equal(await value('table timeout a'), '-1');
    });

    it('forgets what has lived for its lifetime, touched or not', async () => {
      await value('table set a 1 indefinite 60');
      assert.equal(await value('table timeout a'), 'indefinite');
      assert.equal(await value('table lifetime a'), '60');
      now += 59_500;
      assert.equal(await value('table incr a'), '2');
      assert.equal(await value('table lifetime -remaining a'), '1');
      now += 500;
      assert.equal(await value('table lookup a'), '');
    });

    it('changes spans of an entry, and leaves them where 0 is given', async () => {
      await value('table set a 1 10 20');
      assert.equal(await value('table timeout a 30'), '30');
      assert.equal(await value('table lifetime a indef'), 'indefinite');
      await value('table set a 2 0 0');
      assert.equal(await value('table timeout a'), '30');
      assert.equal(await value('table set a 2 soon'), 'error: invalid timeout "soon"');
      await value('table delete a');
    });
  });

  it('HSL::send hands its text to the pool, and HSL::open knows which pools there are', async () => {
    const effects = await effectsOf(
      'set h [HSL::open -proto UDP -pool logs]\nlog -noname local0. [HSL::send $h "<134> é"]',
    );
    const [sent] = effects.filter((effect) => effect.kind === 'high_speed_log');
    assert.deepEqual(sent, {
      kind: 'high_speed_log',
      to: { protocol: 'UDP', fullPath: '/Common/logs' },
      data: Buffer.from('<134> é'),
    });
    await hasValues([
      ['HSL::send [HSL::open -proto TCP -pool /Common/logs] x', '1'],
      ['HSL::send [HSL::open -publisher pub] x', '1'],
      ['HSL::open -proto TCP -pool none', 'error: pool "none" not found'],
      ['HSL::open -proto tcp -pool logs', 'error: bad protocol "tcp": must be TCP or UDP'],
      ['HSL::open -publisher /Common/p', 'error: publisher "/Common/p" not found'],
    ]);
  });

  it('iStats count, hold text, and go', () =>
    hasValues([
      ['ISTATS::incr "ltm.virtual /Common/v counter hits" 2', ''],
      ['ISTATS::incr "ltm.virtual /Common/v counter hits" 1', ''],
      ['ISTATS::get "ltm.virtual /Common/v counter hits"', '3'],
      ['ISTATS::set "ltm.virtual /Common/v string word" x', ''],
      ['ISTATS::get "ltm.virtual /Common/v string word"', 'x'],
      [
        'ISTATS::incr "ltm.virtual /Common/v string word" 1',
        'error: invalid iStats key "ltm.virtual /Common/v string word"',
      ],
      ['ISTATS::remove "ltm.virtual /Common/v counter hits"', ''],
      ['ISTATS::get "ltm.virtual /Common/v counter hits"', ''],
    ]));

  it('after waits, puts off, tells and cancels', async () => {
    await hasValues([
      ['after info', ''],
      ['llength [after info [after 1000 {set x 1}]]', '2'],
      ['after info after#none', `error: event "after#none" doesn't exist`],
      ['after cancel after#none', ''],
      ['after 6000', 'error: after: the mock waits 5000 ms at most'],
    ]);
    const effects = await effectsOf(`
      set id [after 5 -periodic { set x 1 }]
      set before [clock clicks -milliseconds]
      after 20
      set waited [expr {[clock clicks -milliseconds] - $before}]
      log -noname local0. "[lindex [after info $id] 1] [expr {$waited >= 20}] [llength [after info]]"
      after cancel $id
      log -noname local0. "[llength [after info]]"`);
    assert.deepEqual(
      effects.flatMap((effect) => (effect.kind === 'log' ? [effect.text] : [])),
      ['periodic 1 1', '0'],
    );
  });

  it('X509 and IP commands take their arguments as the device does', async () => {
    const facts = {
      certificate_count: 1,
      'certificate.0': 'DER',
      'x509.0.subject': 'C=US, CN=x',
      'x509.0.common_name': 'x',
      'x509.0.extensions': '(no extensions)',
    };
    assert.equal(await value('X509::subject [SSL::cert 0] commonName', facts), 'x');
    assert.equal(await value('X509::subject [SSL::cert 0]', facts), 'C=US, CN=x');
    assert.equal(await value('X509::extensions [SSL::cert 0]', facts), '(no extensions)');
    assert.equal(await value('X509::extensions other', facts), 'error: invalid certificate handle');
    await hasValues([
      ['X509::pem2der "-----BEGIN CERTIFICATE-----\\nYWJj\\n-----END CERTIFICATE-----"', 'abc'],
      ['IP::addr 10.1.2.3 equals 10.0.0.0/8', '1'],
      ['IP::addr 10.1.2.3 equals 11.0.0.0/255.0.0.0', '0'],
      ['IP::addr 10.1.2.3%1 equals 10.1.2.3', '0'],
    ]);
  });

  it('the extensions of a ClientHello are told apart', async () => {
    const name = Buffer.from('echo.example.com');
    const sni = Buffer.concat([Buffer.from([0, 0, 0, 21, 0, 19, 0, 0, 16]), name]);
    const facts = { client_hello_extensions: Buffer.concat([sni, Buffer.from([0, 43, 0, 3, 2, 3, 4])]) };
    assert.equal(await value('SSL::extensions count', facts), '2');
    assert.equal(await value('SSL::extensions exists -type 43', facts), '1');
    assert.equal(await value('SSL::extensions exists -type 16', facts), '0');
    assert.equal(await value('string length [SSL::extensions -type 0]', facts), '25');
    assert.equal(await value('SSL::sni name', facts), 'echo.example.com');
    assert.match(await value('SSL::extensions count'), /not available/);
  });

  it('digests are those of their standards, and pieces of text come out', async () => {
    for (const text of ['', 'abc', 'x'.repeat(55), 'y'.repeat(56), 'z'.repeat(200)]) {
      for (const algorithm of ['md5', 'sha1', 'sha256']) {
        const expected = createHash(algorithm).update(text).digest('hex');
        const script = `binary scan [${algorithm} "${text}"] H* hex; set hex`;
        assert.equal(await value(script), expected, `${algorithm} ${text}`);
      }
      if (text !== '') assert.equal(await value(`crc32 "${text}"`), String(crc32(text)));
    }
    await hasValues([
      ['substr "hello world" 6', 'world'],
      ['substr "hello world" 0 5', 'hello'],
      ['substr "hello world" 0 " "', 'hello'],
      ['domain www.sales.example.com 2', 'example.com'],
    ]);
  });
});
