import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../../../src/mock/json.js';
import type { Json, JsonObject } from '../../../src/mock/json.js';
import type { TmosBranch } from '../../../src/mock/tmos-version.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';
import { startBench } from './bench.js';
import type { Bench } from './bench.js';
import { differences } from './differences.js';

/** One recorded answer, and how to make a mock give its like. */
interface Recording {
  readonly fixture: string;
  /** Of a recorded collection: the item that is compared. */
  readonly item?: string;
  readonly tmos: TmosBranch;
  /** Objects to create first, in order. */
  readonly create?: ReadonlyArray<readonly [string, JsonObject]>;
  readonly path: string;
  /** Members that are the recorded device's own: its history, its hardware, what its operators configured. */
  readonly deviceSpecific?: readonly string[];
  /** What the mock is known to show otherwise, and why. */
  readonly departs?: Readonly<Record<string, string>>;
}

const members = 'https://localhost/mgmt/tm/ltm/pool/~Common~test_pool_0/members';
const always = ['generation'];
const pool = (name: string, more: JsonObject = {}) => ['ltm/pool', { name, ...more }] as const;

const recordings: readonly Recording[] = [
  { fixture: 'auth-partition-list-14.1.2.1', tmos: '14.1', path: 'auth/partition' },
  { fixture: 'sys-folder-list-14.1.2.1', tmos: '14.1', path: 'sys/folder' },
  {
    fixture: 'net-route-domain-list-14.1.2.1',
    tmos: '14.1',
    path: 'net/route-domain',
    departs: { vlans: 'the mock lists none', vlansReference: 'the mock lists none' },
  },
  {
    fixture: 'sys-log-config-destination-remote-syslog-13.1.0.4',
    tmos: '13.1',
    create: [
      ['sys/log-config/destination/remote-high-speed-log', { name: 'pool1' }],
      [
        'sys/log-config/destination/remote-syslog',
        { name: 'foo', format: 'rfc5424', remoteHighSpeedLog: '/Common/pool1' },
      ],
    ],
    path: 'sys/log-config/destination/remote-syslog/~Common~foo',
  },
  {
    fixture: 'sys-log-config-publisher-13.1.0.4',
    tmos: '13.1',
    create: [
      ['sys/log-config/destination/remote-high-speed-log', { name: 'SECURITYLOGSERVERS-LOGGING' }],
      [
        'sys/log-config/publisher',
        {
          name: 'foo',
          description: 'my description',
          destinations: [
            { name: 'SECURITYLOGSERVERS-LOGGING', partition: 'Common' },
            { name: 'local-db', partition: 'Common' },
            '/Common/local-syslog',
          ],
        },
      ],
    ],
    path: 'sys/log-config/publisher/~Common~foo',
  },
  { fixture: 'sys-version-14.1.2.1', tmos: '14.1', path: 'sys/version' },
  { fixture: 'sys-ready-14.1.2.1', tmos: '14.1', path: 'sys/ready' },
  { fixture: 'sys-mcp-state-14.1.2.1', tmos: '14.1', path: 'sys/mcp-state' },
  { fixture: 'sys-provision-14.1.2.1', tmos: '14.1', path: 'sys/provision', deviceSpecific: ['level'] },
  { fixture: 'cm-failover-status-standalone-14.1.2.1', tmos: '14.1', path: 'cm/failover-status' },
  { fixture: 'cm-traffic-group-list-14.1.2.1', tmos: '14.1', path: 'cm/traffic-group' },
  { fixture: 'sys-file-ssl-crl-list-empty-14.1.2.1', tmos: '14.1', path: 'sys/file/ssl-crl' },
  {
    fixture: 'sys-global-settings-14.1.2.1',
    tmos: '14.1',
    path: 'sys/global-settings',
    deviceSpecific: ['hostname'],
    departs: {
      fileBlacklistPathPrefix: 'left out',
      fileBlacklistReadOnlyPathPrefix: 'left out',
      fileLocalPathPrefix: 'left out',
      fileWhitelistPathPrefix: 'left out',
      guiSecurityBannerText: 'left out',
    },
  },
  {
    fixture: 'sys-httpd-14.1.2.1',
    tmos: '14.1',
    path: 'sys/httpd',
    departs: { sslCiphersuite: 'left out' },
  },
  {
    fixture: 'sys-file-ssl-cert-list-14.1.2.1',
    item: 'default.crt',
    tmos: '14.1',
    path: 'sys/file/ssl-cert/~Common~default.crt',
    deviceSpecific: [
      'checksum',
      'createTime',
      'expirationDate',
      'expirationString',
      'fingerprint',
      'lastUpdateTime',
      'serialNumber',
      'size',
    ],
  },
  {
    fixture: 'ltm-data-group-internal-list-14.1.2.1',
    item: 'private_net',
    tmos: '14.1',
    create: [
      [
        'ltm/data-group/internal',
        {
          name: 'private_net',
          type: 'ip',
          records: [{ name: '10.0.0.0/8' }, { name: '172.16.0.0/12' }, { name: '192.168.0.0/16' }],
        },
      ],
    ],
    path: 'ltm/data-group/internal/private_net',
  },
  {
    fixture: 'ltm-data-group-internal-17.1.2.1',
    tmos: '17.1',
    create: [
      [
        'ltm/data-group/internal',
        {
          name: 'my-datagroup',
          partition: 'Common',
          type: 'string',
          records: [{ name: 'key2', data: 'value2' }],
        },
      ],
    ],
    path: 'ltm/data-group/internal/~Common~my-datagroup',
  },
  { fixture: 'ltm-monitor-tcp-list-14.1.2.1', item: 'tcp', tmos: '14.1', path: 'ltm/monitor/tcp/tcp' },
  {
    fixture: 'ltm-monitor-tcp-list-14.1.2.1',
    item: 'monitor-8888-10.10.34.249',
    tmos: '14.1',
    create: [
      [
        'ltm/monitor/tcp',
        {
          name: 'monitor-8888-10.10.34.249',
          defaultsFrom: '/Common/tcp',
          description: 'monitor-8888-10.10.34.249',
        },
      ],
    ],
    path: 'ltm/monitor/tcp/~Common~monitor-8888-10.10.34.249',
  },
  {
    fixture: 'ltm-node-list-14.1.2.1',
    item: '101.168.11.139',
    tmos: '14.1',
    create: [
      ['ltm/node', { name: '101.168.11.139', address: '101.168.11.139', fqdn: { autopopulate: 'enabled' } }],
    ],
    path: 'ltm/node/~Common~101.168.11.139',
  },
  {
    fixture: 'ltm-node-list-14.1.2.1',
    item: '172.16.101.161',
    tmos: '14.1',
    create: [
      [
        'ltm/node',
        {
          name: '172.16.101.161',
          address: '172.16.101.161',
          description: '172.16.101.161',
          monitor: '/Common/icmp',
        },
      ],
    ],
    path: 'ltm/node/~Common~172.16.101.161',
    departs: { state: 'no ICMP probe runs in the mock, so the node stays in checking' },
  },
  {
    fixture: 'ltm-pool-list-14.1.2.1',
    item: 'pool1',
    tmos: '14.1',
    create: [pool('pool1')],
    path: 'ltm/pool/pool1',
  },
  {
    fixture: 'ltm-pool-list-14.1.2.1',
    item: 'pl_web-pool101',
    tmos: '14.1',
    create: [
      ['ltm/monitor/tcp', { name: 'monitor101' }],
      ['ltm/monitor/tcp', { name: 'monitor111' }],
      pool('pl_web-pool101', {
        description: 'pl_/Common/pl_web-pool101',
        monitor: '/Common/monitor111 and /Common/monitor101',
        slowRampTime: 0,
      }),
    ],
    path: 'ltm/pool/pl_web-pool101',
  },
  {
    fixture: 'ltm-pool-create-200-11.6.0',
    tmos: '13.1',
    create: [pool('generatetestjson')],
    path: 'ltm/pool/generatetestjson',
  },
  {
    fixture: 'ltm-profile-client-ssl-list-14.1.2.1',
    item: 'clientssl',
    tmos: '14.1',
    path: 'ltm/profile/client-ssl/clientssl',
  },
  {
    fixture: 'ltm-profile-client-ssl-list-14.1.2.1',
    item: 'clientssl-insecure-compatible',
    tmos: '14.1',
    create: [
      [
        'ltm/profile/client-ssl',
        {
          name: 'clientssl-insecure-compatible',
          defaultsFrom: '/Common/clientssl',
          ciphers: 'ALL:!DH:!ADH:!EDH:@SPEED',
          secureRenegotiation: 'request',
        },
      ],
    ],
    path: 'ltm/profile/client-ssl/clientssl-insecure-compatible',
  },
  {
    fixture: 'ltm-profile-client-ssl-13.0.0',
    tmos: '13.1',
    create: [['ltm/profile/client-ssl', { name: 'foo' }]],
    path: 'ltm/profile/client-ssl/~Common~foo',
    departs: {
      c3dDropUnknownOcspStatus: 'came with 13.1',
      c3dOcsp: 'came with 13.1',
      sslC3d: 'came with 13.1',
    },
  },
  {
    fixture: 'ltm-profile-server-ssl-13.1.0.8',
    tmos: '13.1',
    create: [['ltm/profile/server-ssl', { name: 'asda', chain: '/Common/default.crt' }]],
    path: 'ltm/profile/server-ssl/~Common~asda',
  },
  {
    fixture: 'ltm-profile-server-ssl-list-14.1.2.1',
    item: 'serverssl',
    tmos: '14.1',
    path: 'ltm/profile/server-ssl/serverssl',
  },
  {
    fixture: 'ltm-profile-server-ssl-list-14.1.2.1',
    item: 'splitsession-default-serverssl',
    tmos: '14.1',
    create: [
      [
        'ltm/profile/server-ssl',
        { name: 'splitsession-default-serverssl', cert: '/Common/default.crt', key: '/Common/default.key' },
      ],
    ],
    path: 'ltm/profile/server-ssl/splitsession-default-serverssl',
  },
  {
    fixture: 'ltm-rule-list-14.1.2.1',
    item: 'SNAT-10-197-225.tcl',
    tmos: '14.1',
    create: [
      [
        'ltm/rule',
        {
          name: 'SNAT-10-197-225.tcl',
          apiAnonymous: 'when CLIENT_ACCEPTED { snat 10.197.225.[getfield [IP::client_addr] "." 4] }',
        },
      ],
    ],
    path: 'ltm/rule/SNAT-10-197-225.tcl',
  },
  {
    fixture: 'ltm-rule-list-14.1.2.1',
    item: 'SNAT-39',
    tmos: '14.1',
    create: [['ltm/rule', { name: 'SNAT-39' }]],
    path: 'ltm/rule/SNAT-39',
  },
  {
    fixture: 'ltm-virtual-list-14.1.2.1',
    item: 'vip1',
    tmos: '14.1',
    create: [
      pool('pool1'),
      [
        'ltm/virtual',
        { name: 'vip1', destination: '/Common/1.1.1.2:80', pool: '/Common/pool1', profiles: ['tcp'] },
      ],
    ],
    path: 'ltm/virtual/vip1',
    deviceSpecific: ['creationTime', 'lastModifiedTime', 'vsIndex'],
  },
  {
    fixture: 'ltm-virtual-list-14.1.2.1',
    item: 'vs-tcp-9007-Test-Project-7-Test-LOB-7-10.1.1.7',
    tmos: '14.1',
    create: [
      pool('pool-tcp-9007-Test-Project-7-Test-LOB-7-10.1.1.7'),
      ['ltm/rule', { name: 'SNAT-10-197-225.tcl', apiAnonymous: 'when CLIENT_ACCEPTED { }' }],
      [
        'ltm/virtual',
        {
          name: 'vs-tcp-9007-Test-Project-7-Test-LOB-7-10.1.1.7',
          description: 'vs-tcp-9007-Test-Project-7-Test-LOB-7-10.1.1.7',
          destination: '/Common/10.1.1.7:9007',
          disabled: true,
          pool: 'pool-tcp-9007-Test-Project-7-Test-LOB-7-10.1.1.7',
          profiles: [{ name: 'tcp', context: 'all' }],
          rules: ['SNAT-10-197-225.tcl'],
          sourceAddressTranslation: { type: 'automap' },
          vlansEnabled: true,
          vlans: ['/Common/internal'],
          metadata: [
            { name: 'f5-ansible.last_modified', value: '2019-11-14 15:38:40.393209' },
            { name: 'f5-ansible.version', value: '2.8.6' },
          ],
        },
      ],
    ],
    path: 'ltm/virtual/vs-tcp-9007-Test-Project-7-Test-LOB-7-10.1.1.7',
    deviceSpecific: ['creationTime', 'lastModifiedTime', 'vsIndex', 'vlans', 'vlansReference'],
  },
  {
    fixture: 'ltm-virtual-list-expanded-16.1.3.3',
    item: 'fake_fwdip',
    tmos: '16.1',
    create: [
      [
        'ltm/virtual',
        {
          name: 'fake_fwdip',
          description: 'Test Virtual Server',
          destination: '/Common/192.168.1.3:443',
          ipForward: true,
          ipProtocol: 'tcp',
          translateAddress: 'disabled',
          translatePort: 'disabled',
          metadata: [
            { name: 'f5-ansible.last_modified', value: '2023-03-21 21:32:39.924493' },
            { name: 'f5-ansible.version', value: '2.14.3' },
          ],
        },
      ],
    ],
    path: 'ltm/virtual?expandSubcollections=true',
    deviceSpecific: ['creationTime', 'lastModifiedTime', 'vsIndex'],
  },
  {
    fixture: 'ltm-virtual-create-200-12.1.2',
    tmos: '13.1',
    create: [
      [
        'ltm/virtual',
        {
          name: 'ip_forwarding_vs',
          destination: '/Common/0.0.0.0:0',
          ipProtocol: 'any',
          mask: '255.255.255.255',
          source: '0.0.0.0/0',
          sourceAddressTranslation: { type: 'none' },
          sourcePort: 'preserve',
          profiles: ['fastL4'],
        },
      ],
    ],
    path: 'ltm/virtual/~Common~ip_forwarding_vs',
    deviceSpecific: ['vsIndex'],
  },
  {
    fixture: 'ltm-virtual-address-list-14.1.2.1',
    item: '1.1.1.2',
    tmos: '14.1',
    create: [['ltm/virtual', { name: 'vip1', destination: '/Common/1.1.1.2:80', profiles: ['tcp'] }]],
    path: 'ltm/virtual-address/~Common~1.1.1.2',
  },
  {
    fixture: 'ltm-virtual-stats-folder-rd-14.1.0',
    tmos: '14.1',
    create: [
      pool('p', { members: [{ name: '10.0.0.1:80' }] }),
      ['ltm/virtual', { name: 'test_vs_0', destination: '10.11.0.2:80', profiles: ['tcp'], pool: 'p' }],
    ],
    path: 'ltm/virtual/~Common~test_vs_0/stats',
    departs: { generation: 'reduced away by its source' },
  },
  {
    fixture: 'ltm-virtual-address-stats-17.0.0.1',
    tmos: '17.1',
    create: [['ltm/virtual', { name: 'v', destination: '10.100.131.91:80', profiles: ['tcp'] }]],
    path: 'ltm/virtual-address/~Common~10.100.131.91/stats',
    deviceSpecific: ['status.availabilityState', 'status.statusReason'],
    departs: {
      kind: 'left out of nestedStats by its source',
      selfLink: 'left out of nestedStats by its source',
    },
  },
  {
    fixture: 'ltm-node-stats-16.0.0',
    tmos: '16.1',
    create: [['ltm/node', { name: '7.3.67.8', address: '7.3.67.8' }]],
    path: 'ltm/node/~Common~7.3.67.8/stats',
    deviceSpecific: ['monitorRule', 'monitorStatus', 'status.availabilityState', 'status.statusReason'],
  },
  {
    fixture: 'ltm-pool-members-stats-14.1.0',
    tmos: '14.1',
    create: [
      pool('test_pool_0', {
        members: [
          { name: '10.10.0.2:80', address: '10.10.0.2' },
          { name: '10.10.0.2%10:80', address: '10.10.0.2%10' },
        ],
      }),
    ],
    path: 'ltm/pool/~Common~test_pool_0/members/stats',
    departs: {
      [`${members}/~Common~bestwebsite:80/stats`]: 'the mock has no members by name',
      [`${members}/~Common~_auto_192.168.2.2:80/stats`]: 'the mock has no members by name',
    },
  },
  {
    fixture: 'ltm-rule-stats-14.1.0',
    tmos: '14.1',
    create: [
      [
        'ltm/rule',
        { name: '_sys_APM_ExchangeSupport_OA_BasicAuth', apiAnonymous: 'when ACCESS_ACL_ALLOWED { }' },
      ],
      ['ltm/rule', { name: '_sys_auth_tacacs', apiAnonymous: 'when AUTH_RESULT { }\nwhen HTTP_REQUEST { }' }],
    ],
    path: 'ltm/rule/stats',
  },
];

describe('mock BIG-IP: fidelity to recorded answers', () => {
  const folder = sharedData('icontrol-fixtures');
  let bench: Bench;

  before(function () {
    if (folder === undefined)
      skipBecause(this, 'no recorded answers beside the checkout (icontrol-fixtures)');
  });
  afterEach(() => bench.close());

  for (const recording of recordings) {
    const { fixture, item, tmos, create = [], path, deviceSpecific = [], departs = {} } = recording;
    it(`answers as in ${fixture}${item === undefined ? '' : `, ${item}`}`, async () => {
      bench = await startBench({ tmosVersion: tmos });
      for (const [kind, body] of create) {
        const answer = await bench.client.post(`/mgmt/tm/${kind}`, body);
        assert.equal(answer.status, 200, answer.text);
      }
      const answer = await bench.client.get(`/mgmt/tm/${path}`);
      assert.equal(answer.status, 200, answer.text);
      const recorded = readFixture(folder ?? '', fixture);
      const leeway = {
        anyValue: new Set([...always, ...deviceSpecific]),
        ignored: new Set(Object.keys(departs)),
      };
      const [expected, actual] = [itemOf(recorded, item), itemOf(answer.json, item)];
      assert.deepEqual(differences(expected, actual, leeway), []);
    });
  }
});

function readFixture(folder: string, name: string): Json {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Json;
}

/** The named item of a collection, or the whole where no item is named or it is no collection. */
function itemOf(body: Json, name: string | undefined): Json {
  const items = isJsonObject(body) ? body['items'] : undefined;
  if (name === undefined || !Array.isArray(items)) return body;
  const found = (items as readonly Json[]).find((item) => isJsonObject(item) && item['name'] === name);
  assert.ok(found !== undefined, `no item ${name}`);
  return found;
}
