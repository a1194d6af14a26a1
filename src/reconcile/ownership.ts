import type { Members, ObservedObject } from './device-object.js';

const mark = 'bigip-mesh-agent';

/**
 * The `description` of each object that the agent makes.
 *
 * It is the description and not `metadata`, which a partition-scoped Manager may not write on virtual servers.
 */
export function ownerMark(service?: string): string {
  return service === undefined ? mark : `${mark} service=${service}`;
}

/**
 * An object without the mark belongs to somebody else, whatever its name says. A rule carries it as its first
 * comment, since rules have no description on every version.
 */
export function isOwned({ kind, members }: ObservedObject): boolean {
  if (kind === 'ltm/rule') {
    const text = members['apiAnonymous'];
    return typeof text === 'string' && text.trimStart().startsWith(`# ${mark}`);
  }
  const description = members['description'];
  return typeof description === 'string' && (description === mark || description.startsWith(`${mark} `));
}

/** @returns the service that an object of ours belongs to; undefined for those that services share */
export function serviceOf({ members }: { readonly members: Members }): string | undefined {
  const description = members['description'];
  const prefix = ownerMark('');
  return typeof description === 'string' && description.startsWith(prefix)
    ? description.slice(prefix.length)
    : undefined;
}
