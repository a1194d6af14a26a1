import type { KubeMetadata } from '../kube/object.js';

/** The metadata by which a server-side apply is for that very object, and not for a later one of its name. */
export function liveIdentity({ name, namespace, uid }: KubeMetadata): KubeMetadata {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
}
