import { Inapplicable } from '../check.js';
import type { CheckGroup } from '../check.js';
import type { Answer } from '../device-http.js';
import {
  expectEqual,
  expectMatch,
  expectOk,
  expectRefusal,
  expectThat,
  expectWorkerError,
} from '../expectations.js';
import { isJsonObject, objectsOf, textOf } from '../json.js';
import type { JsonObject } from '../json.js';
import { collection, item } from '../subject.js';
import type { Subject } from '../subject.js';

/** What the device tells of itself. */
export const statusChecks: CheckGroup = {
  title: 'status',
  checks: [
    {
      name: 'sys/version names version and build with capitals, one level below its only entry',
      evidence: 'recorded, 14.1.2.1 and 16.0.0',
      needs: 'login',
      async run({ http }) {
        const values = state(await http.get(collection('sys/version')));
        expectMatch('Version', values['Version'], /^\d+(\.\d+)+$/);
        expectMatch('Build', values['Build'], /^\d/);
      },
    },
    {
      name: 'sys/ready says yes to configuration, licence and provisioning',
      evidence: 'recorded, 14.1.2.1',
      needs: 'login',
      async run({ http }) {
        const values = state(await http.get(collection('sys/ready')));
        for (const name of ['configReady', 'licenseReady', 'provisionReady'])
          expectEqual(name, values[name], 'yes');
      },
    },
    {
      name: 'sys/mcp-state says that mcpd runs on a configuration that was loaded in full',
      evidence: 'recorded, 14.1.2.1',
      needs: 'login',
      async run({ http }) {
        const values = state(await http.get(collection('sys/mcp-state')));
        expectEqual('phase', values['phase'], 'running');
        expectEqual('lastLoad', values['lastLoad'], 'full-config-load-succeed');
      },
    },
    {
      name: 'cm/failover-status says ACTIVE or STANDBY',
      evidence: 'recorded, 14.1.2.1',
      needs: 'login',
      async run({ http }) {
        const { status } = state(await http.get(collection('cm/failover-status')));
        expectMatch('status', status, /^(ACTIVE|STANDBY)$/);
      },
    },
    {
      name: 'cm/sync-status has a line for each device group of a pair, and says Standalone without one',
      evidence: 'recorded, 14.1.4.6 and 16.0.0',
      needs: 'login',
      async run({ http }) {
        const answer = await http.get(collection('cm/sync-status'));
        const { status, mode } = state(answer);
        const groups = await syncGroups({ http });
        if (groups.length === 0) {
          expectEqual('mode', mode, 'standalone');
          expectEqual('status', status, 'Standalone');
        }
        for (const { name } of groups) {
          const lines = answer.text.match(/"details":\{"description":"[^"]*"/g) ?? [];
          const own = lines.filter((line) => line.includes(`"${textOf(name)} (`));
          expectEqual(`lines of ${textOf(name)}`, own.length, 1);
        }
      },
    },
    {
      name: 'cm/device says of one unit that it is the one that answers',
      evidence: 'recorded, 16.0.0',
      needs: 'login',
      async run({ http }) {
        const devices = objectsOf(expectOk(await http.get(collection('cm/device')))['items']);
        const selves = devices.filter(({ selfDevice }) => selfDevice === 'true');
        expectEqual('devices with selfDevice "true"', selves.length, 1);
        expectMatch('hostname', selves[0]?.['hostname'], /\S/);
      },
    },
    {
      name: 'cm/device-group says of a group how it is synchronised',
      evidence: 'recorded, 16.0.0',
      needs: 'login',
      async run({ http }) {
        const groups = await syncGroups({ http });
        if (groups.length === 0) throw new Inapplicable('the device stands alone');
        for (const { autoSync } of groups) expectMatch('autoSync', autoSync, /^(enabled|disabled)$/);
      },
    },
    {
      name: 'a link names the host localhost and ends with the release',
      evidence: 'recorded, 11.6.0 to 17.1.2.1',
      needs: 'login',
      async run({ http, release }) {
        const path = item('ltm/profile/client-ssl', 'Common', 'clientssl');
        expectEqual(
          'selfLink',
          expectOk(await http.get(path))['selfLink'],
          `https://localhost${path}?ver=${release.text}`,
        );
      },
    },
    {
      name: 'a query stands in the link in front of the release',
      evidence: 'recorded, 16.1.3.3 and 17.1.2.1',
      needs: 'login',
      async run({ http, release }) {
        const path = item('ltm/profile/client-ssl', 'Common', 'clientssl');
        const { selfLink } = expectOk(await http.get(`${path}?expandSubcollections=true`));
        const expected = `https://localhost${path}?expandSubcollections=true&ver=${release.text}`;
        expectEqual('selfLink', selfLink, expected);
      },
    },
    {
      name: 'a collection filtered by partition gives objects of that partition alone',
      evidence: 'clients that rely on it',
      needs: 'login',
      async run({ http }) {
        const path = `${collection('ltm/profile/client-ssl')}?$filter=partition%20eq%20Common`;
        const items = objectsOf(expectOk(await http.get(path))['items']);
        expectThat(items.length > 0, 'profiles in Common', 'none');
        const foreign = items.filter(({ partition }) => partition !== 'Common');
        expectEqual('objects of other partitions', foreign.length, 0);
      },
    },
    {
      name: '/Common/clientssl, /Common/tcp and the TCP monitor are there to refer to',
      evidence: 'recorded, 14.1.2.1',
      needs: 'login',
      async run({ http }) {
        for (const [kind, name] of [
          ['ltm/profile/client-ssl', 'clientssl'],
          ['ltm/profile/tcp', 'tcp'],
          ['ltm/monitor/tcp', 'tcp'],
        ] as const) {
          expectEqual(
            kind,
            expectOk(await http.get(item(kind, 'Common', name)))['fullPath'],
            `/Common/${name}`,
          );
        }
      },
    },
    {
      name: 'an answer in JSON says so in its Content-Type',
      evidence: 'recorded, 17.1.2.1',
      needs: 'login',
      async run({ http }) {
        const { headers } = await http.get(collection('sys/version'));
        expectMatch('Content-Type', headers['content-type'], /^application\/json\b/);
      },
    },
    {
      name: 'a path that no worker serves answers 404 as ":resterrorresponse", unlike an object that is not there',
      evidence: 'recorded, public transcripts',
      needs: 'login',
      async run({ http }) {
        const answer = await http.get('/mgmt/shared/mesh-conformance-nothing');
        expectWorkerError(answer, {
          status: 404,
          message: /^(Public URI path not registered: |URI path .* not registered\.)/,
        });
      },
    },
    ...absences(),
  ],
};

/** Titles of kinds in the texts of mcpd, which are not those of the paths. */
function absences(): CheckGroup['checks'] {
  const titles = [
    ['ltm/virtual', 'Virtual Server', 'recorded'],
    ['ltm/pool', 'Pool', 'recorded'],
    ['ltm/node', 'Node', 'reported'],
    ['ltm/rule', 'iRule', 'recorded'],
    ['ltm/data-group/internal', 'value list', 'recorded, 17.1.2.1'],
    ['ltm/profile/client-ssl', 'ClientSSL Profile', 'reported'],
    ['sys/file/ssl-cert', 'Certificate File', 'recorded'],
    ['sys/file/ssl-key', 'Certificate Key File', 'recorded'],
  ] as const;
  return titles.map(([kind, title, evidence]) => ({
    name: `an absent ${kind} answers 404 "01020036:3: The requested ${title} (...) was not found."`,
    evidence,
    needs: 'login',
    async run({ http }) {
      expectRefusal(await http.get(item(kind, 'Common', 'mesh_conformance_absent')), {
        status: 404,
        apiError: 3,
        message: `01020036:3: The requested ${title} (/Common/mesh_conformance_absent) was not found.`,
      });
    },
  }));
}

async function syncGroups({ http }: Pick<Subject, 'http'>): Promise<readonly JsonObject[]> {
  const { items } = expectOk(await http.get(collection('cm/device-group')));
  return objectsOf(items).filter(({ type }) => type === 'sync-failover');
}

/** The values of the only entry: `entries.*.nestedStats.entries.NAME.description`. */
function state(answer: Answer): Readonly<Record<string, unknown>> {
  const [only] = Object.values((expectOk(answer)['entries'] ?? {}) as JsonObject);
  const nested = isJsonObject(only) ? only['nestedStats'] : undefined;
  const entries = isJsonObject(nested) ? nested['entries'] : undefined;
  return Object.fromEntries(
    Object.entries(isJsonObject(entries) ? entries : {}).map(([name, entry]) => [
      name,
      isJsonObject(entry) ? entry['description'] : undefined,
    ]),
  );
}
