import type { AllowlistRefusal, EntryOrigin } from './allowlist.js';

/** `ConfigMap default/echo-callers, allow line 2` or `AuthorizationPolicy default/echo, rules[0]`. Pure. */
export function renderPlace(place: AllowlistRefusal | EntryOrigin): string {
  const { namespace } = place;
  const name = place.policy ?? place.configMap;
  const object = `${place.policy === undefined ? 'ConfigMap' : 'AuthorizationPolicy'} ${namespace === '' ? '' : `${namespace}/`}${name}`;
  return `${object}, ${renderPlaceInside(place)}`;
}

/** The same without the object: `allow line 2`, `key mode`, `rules[0].to[0].operation.methods`. Pure. */
export function renderPlaceInside(place: AllowlistRefusal | EntryOrigin): string {
  if (place.policy !== undefined) return place.path;
  return place.line === undefined ? `key ${place.key}` : `${place.key} line ${place.line}`;
}
