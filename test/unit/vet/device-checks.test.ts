import { strict as assert } from 'node:assert';
import { known } from '../../../src/vet/datum.js';
import type { DeviceFacts, Facts, ServerFlight } from '../../../src/vet/facts.js';
import { checks } from '../../../src/vet/registry.js';
import { runChecks } from '../../../src/vet/run-checks.js';
import { asPair, healthyFacts, withDevice, withService } from './healthy-facts.js';
import { told } from './told.js';

describe('the checks of vet, by facts of the device', () => {
  let healthy: Facts;
  before(async () => (healthy = await healthyFacts()));

  const deviceCases: ReadonlyArray<readonly [what: string, changed: Partial<DeviceFacts>, expected: string]> =
    [
      ['a release that is too old', { version: known('12.1.6') }, 'error BMV101: it runs 12.1.6'],
      [
        'the release that keeps dead tokens',
        { version: known('17.1.2.1') },
        'info BMV102: 17.1.2.1: dead login tokens are kept until restjavad restarts (F5 ID 1787517): tools that log in often lock themselves out',
      ],
      [
        'a Manager of one partition',
        { user: known({ name: 'mesh', access: [{ partition: 'mesh', role: 'manager' }] }) },
        'error BMV103: it has manager on mesh',
      ],
      [
        'an administrator of one partition',
        { user: known({ name: 'mesh', access: [{ partition: 'mesh', role: 'admin' }] }) },
        'error BMV103: it has admin on mesh',
      ],
      [
        'an auditor',
        { user: known({ name: 'mesh', access: [{ partition: 'all-partitions', role: 'auditor' }] }) },
        'info BMV103: it has auditor on all-partitions: enough for vet, not for apply',
      ],
      [
        'many tokens',
        { tokens: known({ count: 60 }) },
        'warning BMV104: the user holds 60 of 100 login tokens',
      ],
      [
        'a clock that is behind',
        { clockAheadMs: known(-130_000) },
        'error BMV106: its clock is 130 s behind the one here',
      ],
      [
        'a licence that is missing',
        { notReady: known(['licenseReady no']) },
        'error BMV107: licenseReady no',
      ],
    ];
  for (const [what, changed, expected] of deviceCases) {
    it(`find ${what}`, () =>
      assert.ok(
        told(withDevice(healthy, changed)).includes(expected),
        String(told(withDevice(healthy, changed))),
      ));
  }

  it('find one url for a unit of a pair, and a pair that is out of sync', () => {
    const sync = known({ status: 'Changes Pending', mode: 'high-availability', summary: 'sync it' });
    assert.deepEqual(told(withDevice(healthy, { sync })), [
      'error BMV105: Changes Pending: sync it',
      'warning BMV105: it is a unit of a pair, and only one url is configured',
    ]);
  });

  it('find nothing in a pair that is in sync and has one active unit', () => {
    const sync = known({ status: 'In Sync', mode: 'high-availability', summary: '' });
    const failover = known(['STANDBY', 'ACTIVE']);
    assert.deepEqual(told(asPair(withDevice(healthy, { sync, failover }))), []);
  });

  for (const states of [
    ['STANDBY', 'STANDBY'],
    ['ACTIVE', 'ACTIVE'],
  ]) {
    it(`find a pair that is ${states.join(' and ')}`, () => {
      const sync = known({ status: 'In Sync', mode: 'high-availability', summary: '' });
      const facts = asPair(withDevice(healthy, { sync, failover: known(states) }));
      assert.deepEqual(told(facts), [`error BMV108: its units say ${states.join(', ')}`]);
    });
  }

  it('say unknown of a user that the device does not keep', () => {
    const { unknown: lost } = runChecks(checks, withDevice(healthy, { user: { state: 'absent' } }));
    assert.deepEqual(
      lost.map(({ code }) => code),
      ['BMV103'],
    );
  });

  const rules: ReadonlyArray<readonly [text: string, expected: string | undefined]> = [
    [
      'when CLIENTSSL_HANDSHAKE { SSL::verify_result 0 }',
      'it sets SSL::verify_result to 0 in CLIENTSSL_HANDSHAKE',
    ],
    ['when CLIENTSSL_CLIENTCERT { if { [SSL::verify_result] != 0 } { reject } }', undefined],
    ['when CLIENTSSL_CLIENTCERT { # SSL::verify_result 0\n }', undefined],
    ['when CLIENT_ACCEPTED { SSL::disable }', 'it turns TLS off (SSL::disable) in CLIENT_ACCEPTED'],
    [
      'when CLIENT_ACCEPTED { SSL::profile /Common/clientssl }',
      'it puts another profile in place of the one of the agent (SSL::profile) in CLIENT_ACCEPTED',
    ],
    ['when CLIENT_ACCEPTED { event CLIENTSSL_CLIENTCERT disable }', 'it disables events in CLIENT_ACCEPTED'],
    ['when CLIENT_ACCEPTED { log local0. [virtual name] }', undefined],
  ];
  for (const [text, expected] of rules) {
    it(`${expected === undefined ? 'pass over' : 'find'} another rule: ${text.split('\n')[0] ?? ''}`, () => {
      const edge = healthy.devices.get('edge');
      assert.ok(edge?.virtuals.state === 'known');
      const path = '/Common/other';
      const virtuals = edge.virtuals.value.map((virtual) => ({
        ...virtual,
        rules: ['/mesh/spiffe_allowlist', path],
      }));
      const facts = withDevice(healthy, {
        virtuals: known(virtuals),
        rules: new Map([...edge.rules, [path, known({ apiAnonymous: text })]]),
      });
      assert.deepEqual(told(facts), expected === undefined ? [] : [`error BMV111: ${expected}`]);
    });
  }

  describe('of the listener', () => {
    const seen = (changed: Partial<ServerFlight>): string[] => {
      const echo = healthy.services.get('echo');
      assert.ok(echo?.listener.state === 'known' && echo.listener.value.flight !== undefined);
      const flight = { ...echo.listener.value.flight, ...changed };
      return told(withService(healthy, { listener: known({ ...echo.listener.value, flight }) }));
    };
    it('find the ALPN name of the metadata exchange', () =>
      assert.deepEqual(seen({ alpn: 'istio-peer-exchange' }), [
        'error BMV048: it picks the ALPN name istio-peer-exchange',
      ]));
    it('take the ALPN name istio', () => assert.deepEqual(seen({ alpn: 'istio' }), []));
    it('find a listener that asks nobody for a certificate', () =>
      assert.deepEqual(seen({ requestsCertificate: false }), [
        'error BMV048: it asks for no client certificate',
      ]));
    it('find a listener that refuses the ALPN names of sidecars', () => {
      assert.ok(
        seen({ certificates: [], alert: 120 }).includes(
          'error BMV048: it refuses the ALPN names of a sidecar',
        ),
      );
    });

    it('do not judge a listener that speaks TLS 1.3 alone', () => {
      const echo = healthy.services.get('echo');
      assert.ok(echo?.listener.state === 'known' && echo.listener.value.flight !== undefined);
      const flight = {
        ...echo.listener.value.flight,
        certificates: [],
        requestsCertificate: false,
        alert: 70,
      };
      const facts = withService(healthy, {
        listener: known({ ...echo.listener.value, flight, flightWithoutName: flight }),
      });
      const { findings, unknown: lost } = runChecks(checks, facts);
      assert.deepEqual(findings, []);
      assert.deepEqual(
        lost.map(({ code }) => code),
        ['BMV015', 'BMV040', 'BMV041', 'BMV048'],
      );
    });

    it('find plaintext, old versions and a demand for SNI', () => {
      const echo = healthy.services.get('echo');
      assert.ok(echo?.listener.state === 'known');
      const listener = known({
        ...echo.listener.value,
        oldestVersion: 'TLSv1.1',
        plaintextAnswer: '"HI"',
        flightWithoutName: undefined,
      });
      assert.deepEqual(told(withService(healthy, { listener })), [
        'error BMV048: it answers in plain TCP: "HI"',
        'error BMV048: it demands a server name (SNI)',
        'warning BMV048: it offers TLSv1.1',
      ]);
    });

    it('find a chain that lacks its intermediate', () => {
      const echo = healthy.services.get('echo');
      assert.ok(echo?.listener.state === 'known' && echo.listener.value.flight !== undefined);
      const [leaf] = echo.listener.value.flight.certificates;
      assert.ok(leaf !== undefined);
      assert.match(
        seen({ certificates: [leaf] }).join(),
        /^error BMV040: it leads to no root of the mesh: .*signed by nobody/,
      );
    });
  });
});
