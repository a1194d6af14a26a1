import { existing } from '../config/change.js';
import type { Target } from '../config/command.js';
import type { ConfigObject } from '../config/configuration.js';
import { eventsOf } from '../config/integrity/virtual-servers.js';
import { urlName } from '../config/object-name.js';
import { kindName, objectPath } from '../icrd/render.js';
import type { JsonObject } from '../json.js';
import { textOf } from '../json.js';
import { link, statisticsKey } from '../resources/link.js';
import type { View } from '../resources/resource-kind.js';
import { renderCounters, renderRuleEvent } from './counters.js';
import type { Traffic } from './counters.js';

/**
 * Statistics of one object or of a collection. The keys are links without `ver`, so they differ from object
 * to object; a rule has one entry for each of its events.
 */
export function renderStatistics(target: Target, view: View, traffic: Traffic): JsonObject {
  const { kind, fullPath, parent } = target;
  if (fullPath !== undefined) {
    const object = existing(view.configuration, target);
    return {
      kind: kindName(kind.path, 'stats'),
      generation: object.generation,
      selfLink: link(`${objectPath(object)}/stats`, view.tmos),
      entries: entriesOf(object, view, traffic),
    };
  }
  const objects =
    parent === undefined
      ? view.configuration.list(kind.path)
      : view.configuration.children(kind.path, parent);
  return {
    kind: kindName(kind.path, 'collectionstats'),
    selfLink: link(`${collectionPath(target)}/stats`, view.tmos),
    entries: Object.fromEntries(
      objects.flatMap((object) => Object.entries(entriesOf(object, view, traffic))),
    ),
  };
}

function collectionPath({ kind, parent }: Target): string {
  if (parent === undefined) return kind.path;
  const at = kind.path.lastIndexOf('/');
  return `${kind.path.slice(0, at)}/${urlName(parent)}${kind.path.slice(at)}`;
}

function entriesOf(object: ConfigObject, view: View, traffic: Traffic): JsonObject {
  if (object.kind !== 'ltm/rule') return entry(object, view, '', renderCounters(object, view, traffic));
  const events = eventsOf(textOf(object.own['apiAnonymous']));
  const entries = events.flatMap((event) =>
    Object.entries(entry(object, view, `:${event}`, renderRuleEvent(object, event, traffic))),
  );
  return Object.fromEntries(entries);
}

function entry(object: ConfigObject, view: View, suffix: string, entries: JsonObject): JsonObject {
  const path = `${objectPath(object)}${suffix}/stats`;
  return {
    [statisticsKey(path)]: {
      nestedStats: { kind: kindName(object.kind, 'stats'), selfLink: link(path, view.tmos), entries },
    },
  };
}
