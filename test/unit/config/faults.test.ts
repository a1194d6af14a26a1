import { strict as assert } from 'node:assert';
import { parseConfig } from '../../../src/config/load-config.js';
import { AgentError } from '../../../src/errors.js';

const valid = `apiVersion: bigip-mesh.io/v1
kind: AgentConfig
identity:
  ttl: 24h
devices:
  - name: edge
    urls: ["https://192.0.2.10"]
    credentials: {secretRef: {namespace: mesh-edge, name: bigip-edge}}
    tls: {caFile: /etc/bigip/ca.pem}
    partition: mesh
services:
  - name: echo
    device: edge
    identity: {namespace: default, serviceAccount: bigip}
    host: bigip.default.svc.cluster.local
    listen: {address: 198.51.100.20, port: 9000}
    backends: ["10.1.20.5:9000"]
    allowlist: {selector: {matchLabels: {bigip-mesh.io/allowlist: echo}}}
    registration: workload-entry
`;

/** The lines of the refusal, without the next step. */
function faults(text: string): string[] {
  try {
    parseConfig(text, 'c.yaml');
  } catch (error) {
    assert.ok(error instanceof AgentError, String(error));
    assert.equal(error.code, 'MESH_ERR_CONFIG_INVALID');
    return error.message.split('\n');
  }
  return assert.fail('the config was accepted');
}

const edited = (from: string, to: string): string => {
  assert.ok(valid.includes(from), `${from} is in the valid config`);
  return valid.replace(from, to);
};

const services = valid.slice(valid.indexOf('services:'));
const devices = valid.slice(valid.indexOf('devices:'), valid.indexOf('services:'));
const serviceKeys =
  'name, device, identity, host, listen, backends, protocol, allowlist, registration, recheck, probe';
const topKeys = 'apiVersion, kind, mesh, identity, devices, services';

interface Mistake {
  readonly what: string;
  readonly text: string;
  /** Behind `c.yaml:`. */
  readonly fault: string;
}

const mistakes: readonly Mistake[] = [
  {
    what: 'no service in the list',
    text: edited(services, 'services: []\n'),
    fault: '11:11: services names no service; write at least one mesh service below it',
  },
  {
    what: 'no device in the list',
    text: edited(devices, 'devices: []\n'),
    fault: '5:10: devices names no device; write at least one BIG-IP below it',
  },
  { what: 'no services', text: edited(services, ''), fault: '1:1: services is missing; write a list' },
  {
    what: 'a required key with nothing behind it',
    text: edited(services, 'services:\n'),
    fault: '11:10: services is empty; write a list',
  },
  {
    what: 'a key with nothing behind it that may be left out',
    text: edited('identity:\n  ttl: 24h\n', 'mesh:\n'),
    fault:
      '3:6: mesh is empty; write a mapping with the keys trustDomain, trustDomainAliases, rootNamespace, or take the key out',
  },
  {
    what: 'a mapping in the place of a list',
    text: edited(services, 'services: {name: echo}\n'),
    fault: '11:11: services must be a list: begin each entry with "- "',
  },
  {
    what: 'one value in the place of a list',
    text: edited('["10.1.20.5:9000"]', '10.1.20.5:9000'),
    fault: '17:15: services[0].backends must be a list: put the entry in square brackets',
  },
  {
    what: 'text in the place of a mapping',
    text: edited(services, 'services: [echo]\n'),
    fault: `11:12: services[0] must be a mapping with the keys ${serviceKeys}, not text`,
  },
  {
    what: 'an empty file',
    text: '# to be written\n',
    fault: `1:1: the file is empty; write a mapping with the keys ${topKeys} (docs/reference/config.md)`,
  },
  {
    what: 'a file that is a list',
    text: '- echo\n',
    fault: `1:1: the file is a list as a whole; write a mapping with the keys ${topKeys} (docs/reference/config.md)`,
  },
  {
    what: 'a misspelt word',
    text: edited('workload-entry', 'workload-entri'),
    fault: '19:19: services[0].registration "workload-entri" is not known; did you mean "workload-entry"?',
  },
  {
    what: 'a word that is like none',
    text: edited('ttl: 24h', 'source: vault'),
    fault:
      '4:11: identity.source "vault" is not known; write one of istiod, ca-secret, secret, files, workload-api',
  },
  {
    what: 'another word than the only one',
    text: edited('registration: workload-entry', 'protocol: udp'),
    fault: '19:15: services[0].protocol "udp" is not known; write tcp',
  },
  {
    what: 'a number in the place of a word',
    text: edited('ttl: 24h', 'keyType: 256'),
    fault: '4:12: identity.keyType must be one of ec-p256, ec-p384, rsa-2048, rsa-3072, rsa-4096',
  },
  {
    what: 'a number in the place of text',
    text: edited('ttl: 24h', 'ttl: 24'),
    fault: '4:8: identity.ttl is a number and must be text: put it in quotes',
  },
  {
    what: 'a list in the place of text',
    text: edited('host: bigip.default.svc.cluster.local', 'host: []'),
    fault: '15:11: services[0].host must be text, not a list',
  },
  {
    what: 'a label whose value is a number',
    text: edited('allowlist: echo}', 'allowlist: 1}'),
    fault:
      '18:67: services[0].allowlist.selector.matchLabels.bigip-mesh.io/allowlist is a number and must be text: put it in quotes',
  },
  {
    what: 'a word in the place of true or false',
    text: edited('allowlist: {', 'allowlist: {fromAuthorizationPolicies: yes, '),
    fault: '18:44: services[0].allowlist.fromAuthorizationPolicies must be true or false, without quotes',
  },
  {
    what: 'an unknown key at its own place',
    text: edited('partition: mesh', 'partiton: mesh'),
    fault: '10:5: devices[0].partiton is an unknown key; did you mean "partition"?',
  },
  {
    what: 'an empty text',
    text: edited('serviceAccount: bigip', 'serviceAccount: ""'),
    fault: '14:52: services[0].identity.serviceAccount is empty; write a value',
  },
  {
    what: 'an empty text that may be left out',
    text: edited('ttl: 24h', 'passphraseFile: ""'),
    fault: '4:19: identity.passphraseFile is empty; write a value, or take the key out',
  },
  {
    what: 'a text that is too long',
    text: edited('serviceAccount: bigip', `serviceAccount: ${'a'.repeat(254)}`),
    fault: '14:52: services[0].identity.serviceAccount is too long; write at most 253 characters',
  },
  {
    what: 'an empty list that may be left out',
    text: edited('ttl: 24h', 'extraRoots: []'),
    fault: '4:15: identity.extraRoots is an empty list; write at least one entry, or take the key out',
  },
  {
    what: 'no backend',
    text: edited('["10.1.20.5:9000"]', '[]'),
    fault: '17:15: services[0].backends names no backend; write at least one ADDRESS:PORT',
  },
  {
    what: 'no label that an allowlist is found by',
    text: edited('{bigip-mesh.io/allowlist: echo}', '{}'),
    fault:
      '18:41: services[0].allowlist.selector.matchLabels must name a label: without one, every ConfigMap of the namespace would be an allowlist',
  },
  {
    what: 'no management address',
    text: edited('["https://192.0.2.10"]', '[]'),
    fault:
      '7:11: devices[0].urls names no management address; write one https://HOST[:PORT] for a BIG-IP, two for a pair',
  },
  {
    what: 'three management addresses',
    text: edited('["https://192.0.2.10"]', '["https://a", "https://b", "https://c"]'),
    fault:
      '7:11: devices[0].urls names more than two management addresses; write one for a BIG-IP, two for a pair',
  },
  ...['0', '70000', '1.5', '"9000"', 'http', '99999999999999999999'].map((port) => ({
    what: `port ${port}`,
    text: edited('port: 9000', `port: ${port}`),
    fault: '16:44: services[0].listen.port must be a port: a whole number from 1 to 65535, without quotes',
  })),
  ...['0', '1', '1.5', '.nan', 'half'].map((share) => ({
    what: `renewAt ${share}`,
    text: edited('ttl: 24h', `renewAt: ${share}`),
    fault: '4:12: identity.renewAt must be a share of the lifetime: a number between 0 and 1, such as 0.5',
  })),
  {
    what: 'no duration',
    text: edited('ttl: 24h', 'ttl: 1 day'),
    fault: '4:8: identity.ttl "1 day" is no duration; write it like 24h, 90m or 1h30m',
  },
  {
    what: 'a duration of no time',
    text: edited('ttl: 24h', 'ttl: 0s'),
    fault: '4:8: identity.ttl "0s" is no time at all; a duration is more than zero',
  },
  {
    what: 'a missing fingerprint or CA',
    text: edited('    tls: {caFile: /etc/bigip/ca.pem}\n', ''),
    fault: '6:5: devices[0].tls is missing; write a mapping with the keys caFile, sha256',
  },
  {
    what: 'a key that stands there twice',
    text: edited('kind: AgentConfig', 'kind: AgentConfig\nkind: AgentConfig'),
    fault: '3:1: this key stands here for the second time; keep one of the two',
  },
  {
    what: 'a tab',
    text: edited('  ttl:', '\tttl:'),
    fault: '4:1: a tab indents this line; write spaces',
  },
  {
    what: 'a second document',
    text: `${valid}---\n${valid}`,
    fault: '20:1: a second document begins here; a config file holds one, so take out what follows "---"',
  },
  {
    what: 'an alias of nothing',
    text: edited('kind: AgentConfig', 'kind: *AgentConfig'),
    fault:
      '2:7: a text that begins with * refers to an anchor, and there is none of this name; put it in quotes',
  },
  {
    what: 'a quote that is not closed',
    text: edited('10"]', '10]'),
    fault:
      '7:32: something is not closed before this place; look for a missing quote, bracket, comma or "- "',
  },
  {
    what: 'YAML with a fault of a rare kind',
    text: '%YAML 1.2 1.3\n---\na: 1\n',
    fault: '1:1: this is not YAML; look at indentation, quotes and brackets here',
  },
];

describe('a mistake in the config file', () => {
  for (const { what, text, fault } of mistakes) {
    it(`is told with place, key and what to write: ${what}`, () => {
      assert.deepEqual(faults(text), [`c.yaml:${fault}`]);
    });
  }

  it('is told without the aliases that would fill the memory', () => {
    const tens = (name: string): string => `[${Array.from({ length: 10 }, () => name).join(', ')}]`;
    const text = `a: &a ${tens('x')}\nb: &b ${tens('*a')}\nc: &c ${tens('*b')}\nd: ${tens('*c')}\n`;
    assert.deepEqual(faults(text), ['c.yaml:1:1: aliases (*) repeat far too much; write the values out']);
  });

  it('is told without the password that stands in the address of a device', () => {
    const [fault, ...others] = faults(edited('https://192', 'https://admin:hunter2@192'));
    assert.deepEqual(others, []);
    assert.match(
      fault ?? '',
      /^c\.yaml:7:12: devices\[0\]\.urls\[0\] must be https:\/\/HOST\[:PORT\], without user/,
    );
    assert.doesNotMatch(fault ?? '', /hunter2/);
  });

  it('is told without the password that stands beside its key', () => {
    const text = edited(
      '{secretRef: {namespace: mesh-edge, name: bigip-edge}}',
      '{username: admin, password: hunter2}',
    );
    assert.doesNotMatch(faults(text).join('\n'), /hunter2/);
  });

  it('is told once where a misspelt key is the one that is missing', () => {
    const misspelt = faults(edited('port: 9000}', 'prt: 9000}'));
    assert.deepEqual(misspelt, [
      'c.yaml:16:38: services[0].listen.prt is an unknown key; did you mean "port"?',
    ]);
  });

  it('is told of a key although another one is spelt like it', () => {
    const both = faults(edited('port: 9000}', 'prt: 9000, port: 0}'));
    assert.equal(both.length, 2, both.join('\n'));
  });
});
