import { ApiError, badRequest } from './api-error.js';
import { isJsonObject, sameJson, stringAt } from './json.js';
import type { Json, JsonObject } from './json.js';
import type { ListMap, Schema } from './schema.js';

/** Applies a patch of one of the media types that the API server takes besides server-side apply. */
export function patchObject(
  contentType: string,
  live: JsonObject,
  patch: Json,
  schema: Schema | undefined,
): JsonObject {
  const patched = patchValue(contentType, live, patch, schema);
  if (!isJsonObject(patched)) throw badRequest('the patch leaves no object');
  return patched;
}

function patchValue(contentType: string, live: JsonObject, patch: Json, schema: Schema | undefined): Json {
  switch (contentType) {
    case 'application/merge-patch+json':
      return mergePatch(live, patch);
    case 'application/json-patch+json':
      return jsonPatch(live, patch);
    case 'application/strategic-merge-patch+json':
      if (schema !== undefined) return strategicMerge(live, patch, schema);
      throw unsupported(contentType);
    default:
      throw unsupported(contentType);
  }
}

function unsupported(contentType: string): ApiError {
  return new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - ${contentType}`,
  );
}

/** RFC 7396. */
function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const result: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete result[field];
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}

/**
 * Merge patch with lists that merge by key, and the directives `$patch`, `$retainKeys` and `$setElementOrder`, of
 * which only `$patch` changes what is stored here.
 *
 * Source: Kubernetes "Update API Objects in Place Using kubectl patch".
 */
function strategicMerge(target: Json | undefined, patch: Json, schema: Schema | undefined): Json {
  if (Array.isArray(patch)) {
    const list = schema?.list;
    if (list === undefined) return patch;
    const live = Array.isArray(target) ? target : [];
    return list === 'set' ? union(live, patch) : mergeItems(live, patch, list, schema?.items);
  }
  if (!isJsonObject(patch)) return patch;
  const { $patch: directive, ...fields } = patch;
  if (directive === 'replace') return fields;
  const result: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(fields)) {
    if (field.startsWith('$')) continue;
    const child = schema?.fields?.[field] ?? schema?.items;
    if (value === null || value === undefined) delete result[field];
    else result[field] = strategicMerge(result[field], value, child);
  }
  return result;
}

function mergeItems(live: Json[], patch: Json[], list: ListMap, schema: Schema | undefined): Json[] {
  // The first key alone: strategic merge knows one merge key a list, apply knows several.
  const key = list.keys[0] ?? '';
  const result = [...live];
  for (const item of patch) {
    if (!isJsonObject(item)) throw badRequest('a list item with a merge key must be an object');
    const index = result.findIndex((other) => isJsonObject(other) && sameJson(other[key], item[key]));
    if (item['$patch'] === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index >= 0) {
      result[index] = strategicMerge(result[index], item, schema);
    } else {
      result.push(strategicMerge({}, item, schema));
    }
  }
  return result;
}

function union(live: Json[], patch: Json[]): Json[] {
  return [...live, ...patch.filter((item) => !live.some((other) => sameJson(other, item)))];
}

/** RFC 6902: add, remove, replace, test, move and copy. */
function jsonPatch(live: JsonObject, patch: Json): Json {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is a list of operations');
  const document = structuredClone(live);
  for (const operation of patch) {
    if (!isJsonObject(operation)) throw badRequest('a JSON patch operation is an object');
    runOperation(document, operation);
  }
  return document;
}

function runOperation(document: JsonObject, operation: JsonObject): void {
  const { path, from, value } = operation;
  const target = pointer(path);
  switch (stringAt(operation, 'op') ?? '') {
    case 'test':
      if (!sameJson(read(document, target), value)) {
        throw new ApiError(422, 'Invalid', `testing path /${target.join('/')} value failed`);
      }
      break;
    case 'add':
      write(document, target, value ?? null, 'insert');
      break;
    case 'replace':
      read(document, target);
      write(document, target, value ?? null, 'set');
      break;
    case 'remove':
      remove(document, target);
      break;
    case 'move': {
      const moved = read(document, pointer(from));
      remove(document, pointer(from));
      write(document, target, moved, 'insert');
      break;
    }
    case 'copy':
      write(document, target, structuredClone(read(document, pointer(from))), 'insert');
      break;
    default:
      throw badRequest('unknown JSON patch operation');
  }
}

/** RFC 6901. */
function pointer(path: Json | undefined): string[] {
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw badRequest('a JSON patch path begins with "/"');
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: Json, path: readonly string[]): Json {
  let value: Json | undefined = document;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else value = isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
    if (value === undefined) throw new ApiError(422, 'Invalid', `missing path /${path.join('/')}`);
  }
  return value;
}

function write(document: Json, path: readonly string[], value: Json, mode: 'insert' | 'set'): void {
  const parent = read(document, path.slice(0, -1));
  const last = path.at(-1) ?? '';
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    parent.splice(index, mode === 'insert' ? 0 : 1, value);
  } else if (isJsonObject(parent)) {
    parent[last] = value;
  }
}

function remove(document: Json, path: readonly string[]): void {
  read(document, path);
  const parent = read(document, path.slice(0, -1));
  const last = path.at(-1) ?? '';
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isJsonObject(parent)) delete parent[last];
}
