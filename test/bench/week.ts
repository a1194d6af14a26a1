import { mostInTenSeconds, RenewalSimulation } from '../support/renewal-simulation.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Ten services a device with certificates of one hour, for as many days; a line a day tells that it goes on. */
export async function measureWeek(
  days = 7,
  services = 500,
): Promise<{ what: string; measured: string; goal: string }[]> {
  const simulation = new RenewalSimulation({
    services,
    devices: services / 10,
    ttlMs: 3_600_000,
    changeMs: 2000,
  });
  const { missed, renewals, requests } = simulation;
  const rssMiB: number[] = [];
  const most = { renewals: 0, requests: 0 };
  let count = 0;
  simulation.start();
  await simulation.advance(hourMs / 4);
  // The first installation is no renewal.
  requests.length = 0;
  await simulation.advance(dayMs - hourMs / 4);
  for (let day = 1; day <= days; day += 1) {
    if (day > 1) await simulation.advance(dayMs);
    most.renewals = Math.max(most.renewals, mostInTenSeconds(renewals));
    most.requests = Math.max(most.requests, mostInTenSeconds(requests));
    // What is counted is forgotten, but for the last ten: memory is measured too.
    count += renewals.splice(0, renewals.length - 10).length;
    requests.splice(0, requests.length - 10);
    rssMiB.push(Math.round(process.memoryUsage().rss / 2 ** 20));
    process.stderr.write(`day ${day}: ${count} renewals, RSS ${rssMiB.at(-1)} MiB\n`);
  }
  await simulation.stop();
  const { expired } = simulation;
  const rows = [
    ['renewals', String(count + renewals.length), '-'],
    ['missed', String(missed.length + expired.length), '0'],
    ['most renewals in any 10 s', String(most.renewals), 'at most 5'],
    ['most requests to the CA in any 10 s', String(most.requests), 'at most 5, the first installation aside'],
    ['RSS at the end of the first day, of the last', `${rssMiB[0]} MiB, ${rssMiB.at(-1)} MiB`, 'the same'],
  ] as const;
  return rows.map(([what, measured, goal]) => ({
    what: `${services} services, 1 h certificates, ${days} days: ${what}`,
    measured,
    goal,
  }));
}
