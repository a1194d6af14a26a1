import type { Schema } from './schema.js';

/** One kind that the server serves. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  /** The first one is preferred; all show the same objects. */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** `status` is written by its subresource alone. */
  readonly statusSubresource: boolean;
  /** `metadata.generation` counts the changes of everything but metadata and status. */
  readonly generation: boolean;
  /** Served by a custom resource definition: lists name the kind of each item, updates must name a version. */
  readonly custom: boolean;
  /** An update without `resourceVersion` overwrites whatever is there. */
  readonly unconditionalUpdate: boolean;
  readonly schema: Schema;
  /** For a kind that is another view of objects that a kind of another group keeps. */
  readonly viewOf?: View;
}

export interface View {
  readonly group: string;
  /** By the name of a field here, its name there. */
  readonly fields: Readonly<Record<string, string>>;
}

/** `v1`, `networking.istio.io/v1` */
export function apiVersionOf(resource: Pick<Resource, 'group'>, version: string): string {
  return resource.group === '' ? version : `${resource.group}/${version}`;
}

/** The key of a resource's objects in the store. */
export function storageKey({ group, plural, viewOf }: Resource): string {
  return `${plural}.${viewOf?.group ?? group}`;
}
