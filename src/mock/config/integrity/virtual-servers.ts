import { duplicateProfiles, profileKindOf, tooFewProfiles } from '../../resources/virtual-profile.js';
import { endpointOf } from '../../resources/virtual.js';
import type { View } from '../../resources/resource-kind.js';
import { textOf } from '../../json.js';
import type { Json } from '../../json.js';
import type { ConfigObject, Configuration } from '../configuration.js';
import { mcpdRefusal } from '../refusal.js';

/** Refuses virtual servers that clash with each other, or whose parts do not go together. */
export function checkVirtualServers(before: Configuration, view: View): void {
  const virtuals = view.configuration.list('ltm/virtual');
  checkListeners(before, virtuals);
  for (const virtual of virtuals) {
    checkProfiles(virtual, view);
    checkRules(virtual, view.configuration);
  }
}

function checkListeners(before: Configuration, virtuals: readonly ConfigObject[]): void {
  const byListener = new Map<string, ConfigObject[]>();
  for (const virtual of virtuals) {
    const { address, port } = endpointOf(virtual);
    const listener = `${address} ${port} ${textOf(virtual.own['ipProtocol'])} ${textOf(virtual.own['source'])}`;
    const others = byListener.get(listener) ?? [];
    const clash = others.find((other) => sharesVlan(other, virtual));
    if (clash !== undefined) {
      const [newer, older] = isChanged(before, virtual) ? [virtual, clash] : [clash, virtual];
      throw mcpdRefusal(
        '01070333',
        `Virtual Server ${newer.name.fullPath} illegally shares destination address, source address, ` +
          `service port, ip-protocol, and vlan with Virtual Server ${older.name.fullPath}.`,
      );
    }
    byListener.set(listener, [...others, virtual]);
  }
}

function isChanged(before: Configuration, virtual: ConfigObject): boolean {
  return before.get(virtual.kind, virtual.name.fullPath)?.generation !== virtual.generation;
}

function sharesVlan(a: ConfigObject, b: ConfigObject): boolean {
  const [first, second] = [vlansOf(a), vlansOf(b)];
  if (first === 'all' || second === 'all') return true;
  return first.some((vlan) => second.includes(vlan));
}

function vlansOf(virtual: ConfigObject): readonly Json[] | 'all' {
  const vlans = virtual.own['vlans'];
  if (virtual.own['vlansEnabled'] !== true) return 'all';
  return Array.isArray(vlans) ? vlans : [];
}

const transports: ReadonlySet<string> = new Set([
  'ltm/profile/tcp',
  'ltm/profile/udp',
  'ltm/profile/fastl4',
  'ltm/profile/fasthttp',
]);

function checkProfiles(virtual: ConfigObject, view: View): void {
  const { fullPath } = virtual.name;
  const { configuration } = view;
  const attached = configuration.children('ltm/virtual/profiles', fullPath).map((child) => ({
    kind: profileKindOf(configuration, child.name.fullPath) ?? '',
    fullPath: child.name.fullPath,
    context: textOf(child.own['context'] ?? 'all'),
  }));
  const kinds = attached.map((profile) => profile.kind);
  const clientSide = attached.filter((profile) => profile.context !== 'serverside');
  const fast = kinds.some((kind) => kind === 'ltm/profile/fastl4' || kind === 'ltm/profile/fasthttp');
  // Counting has nothing to do with how bytes are carried.
  if (fast && kinds.filter((kind) => kind !== 'ltm/profile/statistics').length > 1) {
    throw configurationError(
      `Found disallowed profile on ${fullPath}: Not Any Of (FastL4 Profile, FastHTTP Profile)`,
    );
  }
  const clientTransports = clientSide.filter((profile) => transports.has(profile.kind));
  if (clientTransports.length > 1) throw duplicateProfiles(fullPath);
  if (!fast && clientTransports.length === 0) throw tooFewProfiles(fullPath);
  checkProtocol(virtual, kinds);
  checkServerName(
    fullPath,
    attached.filter((profile) => profile.kind === 'ltm/profile/client-ssl'),
    view,
  );
}

function checkProtocol(virtual: ConfigObject, kinds: readonly string[]): void {
  const needed = kinds.includes('ltm/profile/tcp')
    ? 'tcp'
    : kinds.includes('ltm/profile/udp')
      ? 'udp'
      : undefined;
  const tlsOverUdp = needed === 'udp' && kinds.includes('ltm/profile/http');
  if ((needed === undefined || virtual.own['ipProtocol'] === needed) && !tlsOverUdp) return;
  throw mcpdRefusal(
    '01070096',
    `Virtual server ${virtual.name.fullPath} lists profiles incompatible with its protocol.`,
  );
}

function checkServerName(
  fullPath: string,
  profiles: readonly { readonly fullPath: string }[],
  view: View,
): void {
  if (profiles.length < 2) return;
  const defaults = profiles.filter((profile) => {
    const object = view.configuration.get('ltm/profile/client-ssl', profile.fullPath);
    return object !== undefined && view.effective(object, 'sniDefault') === 'true';
  });
  if (defaults.length === 1) return;
  throw defaults.length > 1
    ? mcpdRefusal(
        '01071809',
        `Virtual Server ${fullPath} has more than one clientssl/serverssl profile that is default for SNI.`,
      )
    : // Known from a simulator, not from a device.
      mcpdRefusal(
        '0107149c',
        `Virtual server ${fullPath} has more than one clientssl/serverssl profile ` +
          `but none of them is default for SNI.`,
      );
}

/**
 * Events that need a profile on the virtual server, by the kind that gives rise to them. Only the refusal of
 * HTTP_REQUEST is on record (17.0.0.1); the others are taken to be alike.
 */
const eventProfiles: ReadonlyArray<readonly [RegExp, readonly string[], string]> = [
  [/^HTTP_(?:REQUEST|RESPONSE)/, ['ltm/profile/http', 'ltm/profile/fasthttp'], 'HTTP or FASTHTTP'],
  [/^CLIENTSSL_/, ['ltm/profile/client-ssl'], 'CLIENTSSL'],
  [/^SERVERSSL_/, ['ltm/profile/server-ssl'], 'SERVERSSL'],
];

function checkRules(virtual: ConfigObject, configuration: Configuration): void {
  const { fullPath, partition } = virtual.name;
  const rules = virtual.own['rules'];
  const kinds = configuration
    .children('ltm/virtual/profiles', fullPath)
    .map((child) => profileKindOf(configuration, child.name.fullPath) ?? '');
  for (const path of (Array.isArray(rules) ? rules : []).map(String)) {
    const rule = configuration.get('ltm/rule', path);
    if (rule === undefined) continue;
    if (rule.name.partition !== partition && rule.name.partition !== 'Common') {
      throw mcpdRefusal(
        '01070726',
        `A virtual server may only reference rules in the same partition or the common partition ` +
          `(${fullPath}:${path})`,
      );
    }
    for (const event of eventsOf(textOf(rule.own['apiAnonymous'] ?? ''))) {
      const needed = eventProfiles.find(([pattern]) => pattern.test(event));
      if (needed === undefined || needed[1].some((kind) => kinds.includes(kind))) continue;
      throw mcpdRefusal(
        '01071912',
        `${event} event in rule (${path}) requires an associated ${needed[2]} profile ` +
          `on the virtual-server (${fullPath}).`,
      );
    }
  }
}

/** The events that a rule handles. */
export function eventsOf(ruleText: string): readonly string[] {
  return [...ruleText.matchAll(/^\s*when\s+([A-Z][A-Z0-9_]*)/gm)].map(([, event = '']) => event);
}

function configurationError(text: string) {
  return mcpdRefusal('01070734', `Configuration error: ${text}`);
}
