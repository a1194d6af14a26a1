import type { Configuration } from '../config/configuration.js';
import { mcpdRefusal } from '../config/refusal.js';
import type { Refusal } from '../config/refusal.js';
import { textOf } from '../json.js';
import { linkTo } from './link.js';
import type { ResourceKind } from './resource-kind.js';
import { defaulted, readOnly } from './resource-kind.js';
import { oneOf, qualify, record, text } from './value-type.js';

/** Kinds of profiles that a virtual server may carry, by their place below `ltm/profile`. */
export const profileKinds = [
  'tcp',
  'udp',
  'fastl4',
  'fasthttp',
  'http',
  'client-ssl',
  'server-ssl',
  'statistics',
  'one-connect',
].map((type) => `ltm/profile/${type}`);

/** The kind of a profile, such as `ltm/profile/tcp` of `/Common/tcp`. */
export function profileKindOf(configuration: Configuration, fullPath: string): string | undefined {
  return profileKinds.find((kind) => configuration.get(kind, fullPath) !== undefined);
}

/** `ltm/virtual/profiles`: which profiles a virtual server carries, and towards whom. */
export const virtualProfile: ResourceKind = {
  path: 'ltm/virtual/profiles',
  title: 'virtual server profile',
  mcpdName: 'virtual_server_profile',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    defaulted('context', oneOf('all', 'clientside', 'serverside'), 'all'),
    readOnly('nameReference', record({ link: { type: text } }), {
      derive: (object, view) => {
        const kind = profileKindOf(view.configuration, object.name.fullPath);
        return kind === undefined ? undefined : { link: linkTo(kind, object.name.fullPath, view.tmos) };
      },
    }),
  ],
  duplicate: (existing, written) => {
    const virtual = existing.parent ?? '';
    const sameSide = (existing.own['context'] ?? 'all') === (written['context'] ?? 'all');
    return sameSide ? duplicateProfiles(virtual) : tooFewProfiles(virtual);
  },
  nameChild: (written, parent, context) => {
    const name = textOf(written['name'] ?? '');
    const partition = written['partition'];
    if (typeof partition === 'string' && !name.startsWith('/')) return `/${partition}/${name}`;
    return qualify(name, profileKinds, { ...context, partition: parent.name.partition ?? 'Common' });
  },
};

/** Two profiles for one job, or one profile twice. */
export function duplicateProfiles(virtual: string): Refusal {
  return mcpdRefusal('01070097', `Virtual server ${virtual} lists duplicate profiles.`);
}

/** No transport profile towards clients; also said to one profile that stands once for each side. */
export function tooFewProfiles(virtual: string): Refusal {
  return mcpdRefusal(
    '01070734',
    `Configuration error: Less than the required minimum number of profiles found on ${virtual}: ` +
      `Exactly 1 of (UDP Profile (clientside), TCP Profile (clientside), SCTP Profile (clientside))`,
  );
}

/** `ltm/virtual/policies`: the mock has no policies to attach, so the collection stays empty. */
export const virtualPolicy: ResourceKind = {
  path: 'ltm/virtual/policies',
  title: 'policy',
  mcpdName: 'virtual_server_policy',
  naming: 'partitioned',
  operations: ['create', 'delete'],
  members: [],
};
