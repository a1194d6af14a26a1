/** Where an object lives. `/Common/app/x` is `x` in the folder `app` of the partition `Common`. */
export interface ObjectName {
  readonly name: string;
  /** Absent for objects outside every partition: partitions, provisioned modules, db variables. */
  readonly partition?: string;
  readonly subPath?: string;
  /** `/Common/app/x`, or the bare name outside partitions. */
  readonly fullPath: string;
}

/** A name outside partitions, such as that of a partition itself. */
export function bareName(name: string): ObjectName {
  return { name, fullPath: name };
}

/** Splits `/Common/app/x`; a name without a leading slash is one of `/Common`. */
export function parseFullPath(path: string): ObjectName {
  const [partition = 'Common', ...rest] = path.startsWith('/')
    ? path.slice(1).split('/')
    : ['Common', ...path.split('/')];
  const name = rest.pop() ?? '';
  const subPath = rest.join('/');
  return subPath === ''
    ? { name, partition, fullPath: `/${partition}/${name}` }
    : { name, partition, subPath, fullPath: `/${partition}/${subPath}/${name}` };
}

/** The folder that holds an object: `/Common` or `/Common/app`. */
export function folderOf(name: ObjectName): string {
  return name.subPath === undefined ? `/${name.partition}` : `/${name.partition}/${name.subPath}`;
}

/** The spelling in URLs and selfLinks: `~` for `/`, and `%25` for the `%` of a route domain. */
export function urlName(name: string): string {
  return name.replaceAll('%', '%25').replaceAll(' ', '%20').replaceAll('/', '~');
}

/** `~Common~x`, `x` and (in bodies) `/Common/x` name the same object. */
export function fullPathFromUrl(segment: string): string {
  return segment.startsWith('~') ? segment.replaceAll('~', '/') : `/Common/${segment.replaceAll('~', '/')}`;
}
