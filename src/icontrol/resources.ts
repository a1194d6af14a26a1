import { DeviceError } from './errors.js';
import type { Readiness } from './readiness.js';
import type { IControlRequest, JsonObject, Requester } from './request.js';

export interface ListOptions {
  /** Only objects of this partition, its folders included. */
  readonly partition?: string;
  /** Members to answer with; all when left out. */
  readonly select?: readonly string[];
  /** Inlines subcollections, such as a virtual server's profiles. */
  readonly expandSubcollections?: boolean;
  readonly signal?: AbortSignal;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Reading and writing single objects of the configuration, outside of transactions. */
export class Resources {
  readonly #requester: Requester;
  readonly #readiness: Readiness;

  constructor(requester: Requester, readiness: Readiness) {
    this.#requester = requester;
    this.#readiness = readiness;
  }

  /**
   * @param path from `resourcePath`, with a query where one is needed
   * @returns the object, or undefined when it does not exist: the device said so and was ready before and after
   * @throws DeviceError MESH_ERR_DEVICE_NOT_READY when the device's word on it means nothing
   */
  async get(path: string, options: CallOptions = {}): Promise<JsonObject | undefined> {
    const read = (): Promise<JsonObject | undefined> =>
      unlessAbsent(this.#object({ method: 'GET', path, ...options }));
    return this.#believeAbsence(read, (found) => found === undefined);
  }

  /**
   * @param collection from `collectionPath`
   * @returns the items of all pages; empty only when the device was ready before and after it said so
   */
  async list(collection: string, options: ListOptions = {}): Promise<readonly JsonObject[]> {
    const read = async (): Promise<readonly JsonObject[]> => {
      const items: JsonObject[] = [];
      let next: string | undefined = collection + renderQuery(options);
      while (next !== undefined) {
        const page: JsonObject = await this.#object({
          method: 'GET',
          path: next,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
        items.push(...((page['items'] ?? []) as JsonObject[]));
        next = nextPath(page, collection);
      }
      return items;
    };
    return this.#believeAbsence(read, (items) => items.length === 0);
  }

  /** @returns the object as created, with the device's defaults filled in */
  create(collection: string, body: JsonObject, options: CallOptions = {}): Promise<JsonObject> {
    return this.#write({ method: 'POST', path: collection, body, ...options });
  }

  /** Changes the members that the body names; an array in it replaces the whole array. */
  modify(path: string, body: JsonObject, options: CallOptions = {}): Promise<JsonObject> {
    return this.#write({ method: 'PATCH', path, body, ...options });
  }

  /** Changes the members that the body names and sets all others back to their defaults; never creates. */
  replace(path: string, body: JsonObject, options: CallOptions = {}): Promise<JsonObject> {
    return this.#write({ method: 'PUT', path, body, ...options });
  }

  /** @returns whether there was something to remove */
  async remove(path: string, options: CallOptions = {}): Promise<boolean> {
    try {
      await this.#requester.request({ method: 'DELETE', path, ...options });
      return true;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await this.#readiness.require();
      return false;
    }
  }

  async #write(request: IControlRequest): Promise<JsonObject> {
    try {
      return await this.#object(request);
    } catch (error) {
      // The object, or one that it refers to, may be there all the same.
      if (isNotFound(error)) await this.#readiness.require();
      throw error;
    }
  }

  async #object(request: IControlRequest): Promise<JsonObject> {
    const { json, status } = await this.#requester.request(request);
    if (json !== undefined) return json;
    throw new DeviceError(
      'MESH_ERR_DEVICE_PROTOCOL',
      `${request.method} ${request.path}: the answer has no body`,
      'Check that the address is the management port of a BIG-IP',
      { status, resource: request.path, outcomeUnknown: request.method !== 'GET' },
    );
  }

  async #believeAbsence<T>(read: () => Promise<T>, isAbsent: (value: T) => boolean): Promise<T> {
    const wasReady = this.#readiness.recentlyConfirmed;
    const first = await read();
    if (!isAbsent(first)) return first;
    await this.#readiness.require();
    return wasReady ? first : read();
  }
}

async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof DeviceError && error.code === 'MESH_ERR_DEVICE_NOT_FOUND' && error.status === 404;
}

function renderQuery({ partition, select, expandSubcollections }: ListOptions): string {
  const query = [
    ...(partition === undefined ? [] : [`$filter=partition%20eq%20${encodeURIComponent(partition)}`]),
    ...(select === undefined ? [] : [`$select=${select.map(encodeURIComponent).join(',')}`]),
    ...(expandSubcollections === true ? ['expandSubcollections=true'] : []),
  ];
  return query.length === 0 ? '' : `?${query.join('&')}`;
}

/** Links name the host `localhost`: only what is behind it counts, and only within the same collection. */
function nextPath(page: JsonObject, collection: string): string | undefined {
  const link = page['nextLink'];
  if (typeof link !== 'string') return undefined;
  const { pathname, search } = new URL(link, 'https://localhost');
  if (pathname === collection) return pathname + search;
  throw new DeviceError(
    'MESH_ERR_DEVICE_PROTOCOL',
    `the next page of ${collection} is said to be ${pathname}`,
    'Check that the address is the management port of a BIG-IP',
    { resource: collection },
  );
}
