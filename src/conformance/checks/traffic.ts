import type { CheckGroup } from '../check.js';
import {
  expectEqual,
  expectMembers,
  expectOk,
  expectRefusal,
  expectStatus,
  expectThat,
} from '../expectations.js';
import { isJsonObject, objectsOf, textOf } from '../json.js';
import type { JsonObject } from '../json.js';
import { collection, item } from '../subject.js';
import type { Subject } from '../subject.js';
import { createProfile, installPair } from './profiles.js';

const ruleText = 'when CLIENT_ACCEPTED {\n  # a comment, "quotes" and \\[brackets\\]\n  set seen 1\n}';

/** Rules, pools and virtual servers. The addresses are of RFC 5737, and every virtual server is off. */
export const trafficChecks: CheckGroup = {
  title: 'rules, pools and virtual servers',
  checks: [
    {
      name: 'a rule gives back its text, but for blanks at its ends',
      evidence: 'recorded, 14.1.2.1; the blanks are not on record',
      needs: 'write',
      async run(subject) {
        const made = await createRule(subject, 'told', `${ruleText}\n`);
        expectEqual('apiAnonymous', textOf(made['apiAnonymous']).trim(), ruleText);
      },
    },
    {
      name: 'a rule with a syntax error is refused with 400 01070151, which names rule and line',
      evidence: 'recorded',
      needs: 'write',
      async run({ http, partition }) {
        const body = { name: 'broken', partition, apiAnonymous: 'when CLIENT_ACCEPTED {\n  set seen 1\n' };
        expectRefusal(await http.post(collection('ltm/rule'), body), {
          status: 400,
          apiError: 3,
          message: new RegExp(`^01070151:3: Rule \\[/${partition}/broken\\] error: .*\\d`),
        });
      },
    },
    {
      name: 'a text over 65,535 characters is refused with 400 01020057',
      evidence: 'recorded',
      needs: 'write',
      async run({ http, partition }) {
        const body = { name: 'long', partition, apiAnonymous: `${ruleText}\n#${'x'.repeat(65_536)}` };
        const answer = await http.post(collection('ltm/rule'), body);
        expectStatus(answer, 400);
        expectThat(
          textOf(answer.json['message']).startsWith('01020057:3: '),
          '01020057',
          answer.json['message'],
        );
      },
    },
    {
      name: 'members of a pool come back as a subcollection, and make their nodes themselves',
      evidence: 'recorded, 11.6.0 and 14.1.2.1',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        const made = await createPool(subject, 'pooled', '192.0.2.11');
        expectEqual('members', made['members'], undefined);
        expectEqual('monitor', textOf(made['monitor']).trim(), '/Common/tcp');
        const path = `${item('ltm/pool', partition, 'pooled')}?expandSubcollections=true`;
        const [member] = referenced(expectOk(await http.get(path)), 'membersReference');
        expectMembers(member ?? {}, { name: '192.0.2.11:9000', address: '192.0.2.11', partition });
        const node = expectOk(await http.get(item('ltm/node', partition, '192.0.2.11')));
        expectEqual('address of the node', node['address'], '192.0.2.11');
      },
    },
    {
      name: 'a node that a pool uses is not removed: 400 01070110; it outlives the pool',
      evidence: 'recorded; that it stays: reported',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        await createPool(subject, 'noded', '192.0.2.12');
        const node = item('ltm/node', partition, '192.0.2.12');
        expectRefusal(await http.delete(node), {
          status: 400,
          apiError: 3,
          message: `01070110:3: Node address '/${partition}/192.0.2.12' is referenced by a member of pool '/${partition}/noded'.`,
        });
        expectOk(await http.delete(item('ltm/pool', partition, 'noded')));
        expectOk(await http.get(node));
        expectOk(await http.delete(node));
      },
    },
    {
      name: 'profiles of a virtual server come back only in an expanded subcollection, each with its context',
      evidence: 'recorded, 12.1.2 and 16.1.3.3',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        await installPair(subject, 'served', subject.material.rsa);
        await createProfile(subject, 'served', 'served');
        const profiles = [
          { name: '/Common/tcp', context: 'all' },
          { name: `/${partition}/served`, context: 'clientside' },
        ];
        const made = await createVirtual(subject, 'served', '192.0.2.21', { profiles });
        expectEqual('profiles', made['profiles'], undefined);
        expectEqual('items', referenced(made, 'profilesReference').length, 0);
        const path = `${item('ltm/virtual', partition, 'served')}?expandSubcollections=true`;
        const items = referenced(expectOk(await http.get(path)), 'profilesReference');
        const seen = items.map(({ fullPath, context }) => ({ name: fullPath, context }));
        expectEqual(
          'profiles',
          seen.toSorted((a, b) => (textOf(a.name) < textOf(b.name) ? -1 : 1)),
          profiles,
        );
        const profile = item('ltm/profile/client-ssl', partition, 'served');
        expectRefusal(await http.delete(profile), {
          status: 400,
          apiError: 3,
          message: `01070265:3: The ClientSSL Profile (/${partition}/served) cannot be deleted because it is in use by a virtual server profile (/${partition}/served /${partition}/served).`,
        });
      },
    },
    {
      name: 'a virtual server gives back its destination in full and its settings as written',
      evidence: 'recorded, 12.1.2 and 17.1.0.1',
      needs: 'write',
      async run(subject) {
        const { partition } = subject;
        await createRule(subject, 'first', ruleText);
        await createRule(subject, 'second', ruleText);
        await createPool(subject, 'target', '192.0.2.13');
        const members = {
          pool: `/${partition}/target`,
          rules: [`/${partition}/second`, `/${partition}/first`],
          sourceAddressTranslation: { type: 'automap' },
          description: 'mesh-agent:conformance',
        };
        const made = await createVirtual(subject, 'settled', '192.0.2.22', members);
        expectMembers(made, {
          destination: `/${partition}/192.0.2.22:9000`,
          mask: '255.255.255.255',
          ipProtocol: 'tcp',
          disabled: true,
          enabled: undefined,
          pool: members.pool,
          rules: members.rules,
          description: members.description,
        });
        const translation = made['sourceAddressTranslation'];
        expectEqual('type', isJsonObject(translation) ? translation['type'] : undefined, 'automap');
      },
    },
    {
      name: 'a virtual address comes and goes with its virtual server',
      evidence: 'recorded, 14.1.2.1',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        await createVirtual(subject, 'addressed', '192.0.2.23');
        const address = item('ltm/virtual-address', partition, '192.0.2.23');
        expectMembers(expectOk(await http.get(address)), { address: '192.0.2.23', autoDelete: 'true' });
        expectOk(await http.delete(item('ltm/virtual', partition, 'addressed')));
        expectStatus(await http.get(address), 404);
      },
    },
    {
      name: 'a second virtual server on an address and port is refused with 400 01070333',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { partition } = subject;
        const everywhere = { vlansEnabled: undefined, vlansDisabled: true };
        await createVirtual(subject, 'holder', '192.0.2.24', everywhere);
        const answer = await postVirtual(subject, 'intruder', '192.0.2.24', everywhere);
        expectRefusal(answer, {
          status: 400,
          apiError: 3,
          message: `01070333:3: Virtual Server /${partition}/intruder illegally shares destination address, source address, service port, ip-protocol, and vlan with Virtual Server /${partition}/holder.`,
        });
      },
    },
    {
      name: 'a rule and a pool that a virtual server uses are not removed: 400 01070265',
      evidence: 'recorded; the words for a pool are not on record',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        await createRule(subject, 'used', ruleText);
        await createPool(subject, 'used', '192.0.2.14');
        const members = { pool: `/${partition}/used`, rules: [`/${partition}/used`] };
        await createVirtual(subject, 'user', '192.0.2.25', members);
        expectRefusal(await http.delete(item('ltm/rule', partition, 'used')), {
          status: 400,
          apiError: 3,
          message: `01070265:3: The rule (/${partition}/used) cannot be deleted because it is in use by a virtual server (/${partition}/user).`,
        });
        expectRefusal(await http.delete(item('ltm/pool', partition, 'used')), {
          status: 400,
          apiError: 3,
          message: /^01070265:3: The Pool .* cannot be deleted because it is in use by a Virtual Server /i,
        });
      },
    },
    {
      name: 'a PATCH of rules replaces the list',
      evidence: 'clients that rely on it',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        await createRule(subject, 'before', ruleText);
        await createRule(subject, 'after', ruleText);
        await createVirtual(subject, 'ruled', '192.0.2.26', { rules: [`/${partition}/before`] });
        const rules = [`/${partition}/after`];
        const ruled = expectOk(await http.patch(item('ltm/virtual', partition, 'ruled'), { rules }));
        expectEqual('rules', ruled['rules'], rules);
      },
    },
  ],
};

async function createRule({ http, partition }: Subject, name: string, text: string): Promise<JsonObject> {
  return expectOk(await http.post(collection('ltm/rule'), { name, partition, apiAnonymous: text }));
}

async function createPool({ http, partition }: Subject, name: string, address: string): Promise<JsonObject> {
  const members = [{ name: `${address}:9000`, address }];
  const body = { name, partition, monitor: '/Common/tcp', members };
  return expectOk(await http.post(collection('ltm/pool'), body));
}

async function createVirtual(
  subject: Subject,
  name: string,
  address: string,
  members: JsonObject = {},
): Promise<JsonObject> {
  return expectOk(await postVirtual(subject, name, address, members));
}

function postVirtual({ http, partition }: Subject, name: string, address: string, members: JsonObject = {}) {
  return http.post(collection('ltm/virtual'), {
    name,
    partition,
    destination: `/${partition}/${address}:9000`,
    mask: '255.255.255.255',
    ipProtocol: 'tcp',
    profiles: [{ name: '/Common/tcp', context: 'all' }],
    disabled: true,
    vlansEnabled: true,
    ...members,
  });
}

function referenced(object: JsonObject, reference: string): readonly JsonObject[] {
  const subcollection = object[reference];
  return isJsonObject(subcollection) ? objectsOf(subcollection['items']) : [];
}
