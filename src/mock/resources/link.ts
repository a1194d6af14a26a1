import { urlName } from '../config/object-name.js';
import type { TmosVersion } from '../tmos-version.js';

/** The host of every link, whatever name the device was called by. */
const base = 'https://localhost/mgmt/tm';

/** The link to an object, `https://localhost/mgmt/tm/ltm/pool/~Common~p?ver=17.1.2.1`. */
export function linkTo(kind: string, fullPath: string, tmos: TmosVersion): string {
  return link(`${kind}/${urlName(fullPath)}`, tmos);
}

/** A link to a path below `/mgmt/tm`, with the query of the request before `ver`; a `ver` of its own is left out. */
export function link(path: string, tmos: TmosVersion, query = ''): string {
  if (query === '') return `${base}/${path}?ver=${tmos.version}`;
  const repeated = new URLSearchParams(query);
  repeated.delete('ver');
  repeated.append('ver', tmos.version);
  return `${base}/${path}?${repeated.toString()}`;
}

/** A key of a statistics answer: a link without `ver`. */
export function statisticsKey(path: string): string {
  return `${base}/${path}`;
}
