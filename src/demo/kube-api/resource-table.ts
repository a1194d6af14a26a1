import { isJsonObject, objectAt, stringAt } from './json.js';
import type { JsonObject } from './json.js';
import type { Resource } from './resource.js';
import { plainSchema } from './schema.js';

/** The kinds that are served now; custom resource definitions add to them. */
export class ResourceTable {
  readonly #resources: Resource[];

  constructor(resources: readonly Resource[]) {
    this.#resources = [...resources];
  }

  all(): readonly Resource[] {
    return this.#resources;
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#resources.find(
      (resource) =>
        resource.group === group && resource.plural === plural && resource.versions.includes(version),
    );
  }

  /** `[group, versions]`, the preferred version first. */
  groups(): [string, string[]][] {
    const groups = new Map<string, string[]>();
    for (const { group, versions } of this.#resources) {
      groups.set(group, [...new Set([...(groups.get(group) ?? []), ...versions])]);
    }
    return [...groups];
  }

  /** Serves the kind of a custom resource definition; a kind that is served already stays as it is. */
  addDefinition(definition: JsonObject): void {
    const spec = objectAt(definition, 'spec');
    const names = objectAt(spec, 'names');
    const versions = (Array.isArray(spec['versions']) ? spec['versions'] : []).filter(isJsonObject);
    const served = versions.filter((version) => version['served'] === true);
    const group = stringAt(spec, 'group') ?? '';
    const plural = stringAt(names, 'plural') ?? '';
    if (served.length === 0 || this.#resources.some((r) => r.group === group && r.plural === plural)) return;
    const shortNames = Array.isArray(names['shortNames']) ? names['shortNames'] : [];
    this.#resources.push({
      group,
      versions: served.map((version) => stringAt(version, 'name') ?? ''),
      plural,
      kind: stringAt(names, 'kind') ?? '',
      shortNames: shortNames.filter((name): name is string => typeof name === 'string'),
      namespaced: spec['scope'] === 'Namespaced',
      statusSubresource: served.some((version) => 'status' in objectAt(version, 'subresources')),
      generation: true,
      custom: true,
      unconditionalUpdate: false,
      schema: plainSchema,
    });
  }
}
