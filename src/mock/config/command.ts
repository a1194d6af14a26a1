import type { JsonObject } from '../json.js';
import type { ResourceKind } from '../resources/resource-kind.js';

/** What a request addresses: a collection when `fullPath` is absent, a subcollection when `parent` is there. */
export interface Target {
  readonly kind: ResourceKind;
  readonly fullPath?: string;
  readonly parent?: string;
}

/** A write, as a request or a queued command of a transaction asks for it. */
export interface Command {
  readonly method: 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly target: Target;
  readonly body: JsonObject;
  /** Raw tmsh arguments of `?options=`. */
  readonly options?: string;
}
