import assert from 'node:assert/strict';

import { AgentError } from '../../../src/errors.js';
import { mostInTenSeconds, RenewalSimulation } from '../../support/renewal-simulation.js';

const hourMs = 3_600_000;
const minuteMs = 60_000;

describe('renewals in the controller', function () {
  this.timeout(20_000);
  let simulation: RenewalSimulation;
  const start = (options: Partial<ConstructorParameters<typeof RenewalSimulation>[0]>): void => {
    simulation = new RenewalSimulation({
      services: 50,
      devices: 5,
      ttlMs: hourMs,
      changeMs: 2000,
      ...options,
    });
    simulation.start();
  };
  afterEach(() => simulation.stop());
  const metric = async (line: RegExp): Promise<void> => assert.match(await simulation.metrics.render(), line);

  it('miss none, and are at most five in any ten seconds, with a new key each', async () => {
    start({ services: 40, devices: 4 });
    await simulation.advance(hourMs);
    const { missed, expired, renewals, requests, keys } = simulation;
    assert.deepEqual([missed, expired], [[], []]);
    assert.ok(renewals.length >= 80, String(renewals.length));
    assert.ok(mostInTenSeconds(renewals) <= 5, `${mostInTenSeconds(renewals)} on devices`);
    assert.ok(mostInTenSeconds(requests.slice(40)) <= 5, `${mostInTenSeconds(requests.slice(40))} of the CA`);
    assert.equal(keys, 40 + renewals.length);
    assert.equal(simulation.events.length, 0);
  });

  it('begin with what expires first when many are overdue', async () => {
    start({ services: 20, devices: 1 });
    await simulation.advance(minuteMs);
    simulation.caFailure = () => new AgentError('MESH_ERR_CA_UNAVAILABLE', 'the CA is away', 'look');
    await simulation.advance(35 * minuteMs);
    assert.equal(simulation.renewals.length, 0);
    simulation.caFailure = undefined;
    await simulation.advance(10 * minuteMs);
    assert.equal(simulation.renewals.length, 20);
    assert.ok(mostInTenSeconds(simulation.renewals) <= 5);
  });

  it('ask a CA that is away a handful of times, and tell at a quarter and at a tenth that is left', async () => {
    start({ services: 50, devices: 5 });
    await simulation.advance(minuteMs);
    const before = simulation.requests.length;
    simulation.caFailure = () => new AgentError('MESH_ERR_CA_UNAVAILABLE', 'the CA is away', 'look');
    await simulation.advance(39 * minuteMs);
    assert.equal(simulation.events.filter(({ reason }) => reason === 'RenewalOverdue').length, 0);
    await metric(/^bigip_mesh_renewal_overdue\{device="edge-0",service="service-0",left="25"\} 0$/m);
    await simulation.advance(11 * minuteMs);
    const overdue = simulation.events.filter(({ reason }) => reason === 'RenewalOverdue');
    assert.equal(overdue.length, 50);
    assert.match(
      String(overdue[0]?.['note']),
      /expires at 2030-01-01T01:00:\d\d\.000Z, 25 % of its lifetime .* is not renewed: the CA is away \(MESH_ERR_CA_UNAVAILABLE\)$/,
    );
    await metric(/^bigip_mesh_renewal_overdue\{device="edge-0",service="service-0",left="25"\} 1$/m);
    await metric(/^bigip_mesh_renewal_overdue\{device="edge-0",service="service-0",left="10"\} 0$/m);
    await simulation.advance(8 * minuteMs);
    await metric(/^bigip_mesh_renewal_overdue\{device="edge-0",service="service-0",left="10"\} 1$/m);
    const tries = simulation.requests.length - before;
    assert.ok(tries > 3 && tries < 30, `${tries} requests in half an hour`);
  });

  it('go on while some services can get none', async () => {
    start({ services: 20, devices: 2 });
    await simulation.advance(minuteMs);
    const refused = new AgentError('MESH_ERR_CA_TOKEN_MISSING', 'no service account', 'make it');
    simulation.caFailure = (id) => (/service-[0-7]$/.test(id) ? refused : undefined);
    await simulation.advance(45 * minuteMs);
    const renewed = new Set(simulation.renewals.map(({ service }) => service));
    assert.equal(renewed.size, 12);
  });

  it('wait for a maintenance window, and go ahead where waiting would come too near to the end', async () => {
    start({
      services: 4,
      devices: 1,
      ttlMs: 24 * hourMs,
      maintenanceWindows: '[{from: "18:00", to: "18:30", timeZone: UTC}]',
    });
    await simulation.advance(17.9 * hourMs);
    assert.equal(simulation.renewals.length, 0);
    await metric(/^bigip_mesh_renewals_waiting\{device="edge-0",for="window"\} 4$/m);
    await simulation.advance(0.2 * hourMs);
    assert.deepEqual(
      simulation.renewals.map(({ at }) => at.toISOString().slice(0, 13)),
      Array.from({ length: 4 }, () => '2030-01-01T18'),
    );
    await simulation.stop();

    start({
      services: 4,
      devices: 1,
      ttlMs: 24 * hourMs,
      maintenanceWindows: '[{days: [sun], from: "18:00", to: "18:30"}]',
    });
    await simulation.advance(12.1 * hourMs);
    assert.equal(simulation.renewals.length, 4, 'no Sunday comes in time');
  });
});
