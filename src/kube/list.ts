import type { ApiCall, ApiServer, CallOptions } from './api-server.js';
import { saysExpired, statusError, unreachable } from './api-status.js';
import { parseListPage } from './object-list.js';
import type { KubeKind, KubeList, KubeObject } from './object.js';
import { queryString } from './resource-path.js';
import type { Query } from './resource-path.js';

const pageSize = 500;

/**
 * Reads every object of a selection, in pages, as of one version.
 *
 * @throws AgentError MESH_ERR_KUBE_* unless all of it was read: part of a list is not a list
 */
export async function listCollection(
  api: ApiServer,
  call: ApiCall,
  kind: KubeKind,
  selectors: Query,
  options: CallOptions,
): Promise<KubeList> {
  const items: KubeObject[] = [];
  let page: Query = { limit: pageSize };
  for (;;) {
    const path = `${call.path}${queryString({ ...selectors, ...page })}`;
    const answer = await api.call({ ...call, path }, options);
    if (!answer.ok) {
      // The version of the first page was compacted away: once more, in one piece.
      if (page['continue'] === undefined || !saysExpired(answer.status)) {
        throw statusError(answer.status, api.attempt(call));
      }
      items.length = 0;
      page = {};
      continue;
    }
    const list = parseListPage(answer.body, kind);
    if (list === undefined) throw unreachable(api.attempt(call), 'its answer is not a list of objects');
    items.push(...list.items);
    if (list.continue === '') return { items, resourceVersion: list.resourceVersion };
    page = { limit: pageSize, continue: list.continue };
  }
}
