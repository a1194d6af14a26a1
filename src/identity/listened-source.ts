import type { FetchedSvid, IdentitySource } from './identity-source.js';

/** The same source; whoever listens hears what it gives before whoever asked. */
export function listenTo(source: IdentitySource, onFetched: (fetched: FetchedSvid) => void): IdentitySource {
  return {
    name: source.name,
    canImpersonate: source.canImpersonate,
    mintsKeys: source.mintsKeys,
    fetchTrustBundle: (signal) => source.fetchTrustBundle(signal),
    fetchSvid: async (request, signal) => {
      const fetched = await source.fetchSvid(request, signal);
      onFetched(fetched);
      return fetched;
    },
  };
}
