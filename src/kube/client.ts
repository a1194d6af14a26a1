import { systemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import { accessReviewCall, parseAccessReview } from './access-review.js';
import type { ReviewedAction } from './access-review.js';
import { ApiServer } from './api-server.js';
import type { ApiCall, CallOptions } from './api-server.js';
import { saysAbsent, statusError, unreachable } from './api-status.js';
import { Connection } from './connection.js';
import { loadKubeconfig } from './kubeconfig.js';
import type { KubeconfigChoice } from './kubeconfig.js';
import { listCollection } from './list.js';
import { describeRef, isKubeObject, refOf } from './object.js';
import type { KubeKind, KubeList, KubeObject, ObjectRef } from './object.js';
import { collectionPath, objectPath, queryString } from './resource-path.js';
import { describeSelection } from './selection.js';
import type { Selection } from './selection.js';
import { parseToken, tokenRequestCall } from './service-account-token.js';
import type { ServiceAccountToken, TokenRequest } from './service-account-token.js';
import { watchCollection } from './watch.js';
import type { WatchEvent, WatchOptions } from './watch.js';

/** The field manager of everything that the agent writes. */
export const fieldManager = 'bigip-mesh-agent';

export interface KubeClientOptions extends KubeconfigChoice {
  readonly clock?: Clock;
}

/**
 * A Kubernetes API server, for objects of any kind as plain data.
 *
 * Absent means that the server said of this very object that it does not exist. Everything else that keeps an
 * object from being read (no connection, no permission, a kind that is not served) is an AgentError with a code
 * MESH_ERR_KUBE_*, so that what cannot be read is never taken for absent. An aborted signal throws its reason.
 */
export class KubeClient {
  /** Of the kubeconfig's context; in a pod, the pod's own. */
  readonly namespace: string;
  readonly #connection: Connection;
  readonly #api: ApiServer;
  readonly #clock: Clock;

  /** @throws AgentError MESH_ERR_KUBE_CONFIG; no request is made yet. */
  constructor(options: KubeClientOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    const config = loadKubeconfig(options);
    this.namespace = config.getContextObject(config.currentContext)?.namespace ?? 'default';
    this.#connection = new Connection(config);
    this.#api = new ApiServer(this.#connection, this.#clock);
  }

  /** `https://10.0.0.1:6443` */
  get server(): string {
    return this.#connection.server;
  }

  /** Closes every connection; running calls fail. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** @returns undefined only when the server says that this object does not exist. */
  async get(ref: ObjectRef, options: CallOptions = {}): Promise<KubeObject | undefined> {
    const call = { ...this.#read('get', describeRef(ref)), path: objectPath(ref) };
    const answer = await this.#api.call(call, options);
    if (answer.ok) return this.#object(answer.body, ref, call);
    if (saysAbsent(answer.status, ref.name)) return undefined;
    throw statusError(answer.status, this.#api.attempt(call));
  }

  /** Every object of the selection, as of one version, read in pages. */
  async list(kind: KubeKind, selection: Selection = {}, options: CallOptions = {}): Promise<KubeList> {
    const { namespace, labelSelector, fieldSelector } = selection;
    const call = {
      ...this.#read('list', describeSelection(kind, selection)),
      path: collectionPath(kind, namespace),
    };
    return listCollection(this.#api, call, kind, { labelSelector, fieldSelector }, options);
  }

  /**
   * Events of the selection after `resourceVersion` (as a list or an earlier event gave it).
   *
   * The last event is always `ended` and says how to go on; see `WatchEnd`.
   */
  watch(kind: KubeKind, selection: Selection, options: WatchOptions): AsyncGenerator<WatchEvent, void> {
    const { namespace, labelSelector, fieldSelector } = selection;
    const call = {
      ...this.#read('watch', describeSelection(kind, selection)),
      path: collectionPath(kind, namespace),
    };
    return watchCollection(this.#api, this.#clock, call, { labelSelector, fieldSelector }, options);
  }

  /**
   * Server-side apply: the object holds exactly the fields that the agent wants to own.
   *
   * With `metadata.uid` it applies to that very object only.
   *
   * @param options.force takes over fields that another manager owns, instead of MESH_ERR_KUBE_CONFLICT.
   * @param options.manager owns the fields; for an object that several replicas write parts of.
   */
  apply(
    kind: KubeKind,
    object: KubeObject,
    options: CallOptions & { readonly force?: boolean; readonly manager?: string } = {},
  ): Promise<KubeObject> {
    return this.#patch(kind, object, undefined, options);
  }

  /** Server-side apply of the status subresource; of the object only identity and `status` count. */
  applyStatus(
    kind: KubeKind,
    object: KubeObject,
    options: CallOptions & { readonly force?: boolean } = {},
  ): Promise<KubeObject> {
    return this.#patch(kind, object, 'status', options);
  }

  /** @throws AgentError MESH_ERR_KUBE_EXISTS when somebody else was first. */
  create(kind: KubeKind, object: KubeObject, options: CallOptions = {}): Promise<KubeObject> {
    // With `generateName` the server chooses the name.
    const ref = { ...refOf(kind, object), name: object.metadata.name ?? '' };
    return this.#write(
      ref,
      {
        method: 'POST',
        verb: 'create',
        object: describeRef(ref),
        path: `${collectionPath(kind, object.metadata.namespace)}${queryString({ fieldManager })}`,
        contentType: 'application/json',
        body: JSON.stringify(object),
      },
      options,
    );
  }

  /**
   * Replaces the object that was read: its `resourceVersion` must still be the current one.
   *
   * @throws AgentError MESH_ERR_KUBE_CONFLICT when another writer was faster.
   */
  replace(kind: KubeKind, object: KubeObject, options: CallOptions = {}): Promise<KubeObject> {
    const ref = refOf(kind, object);
    return this.#write(
      ref,
      {
        method: 'PUT',
        verb: 'update',
        object: describeRef(ref),
        path: `${objectPath(ref)}${queryString({ fieldManager })}`,
        contentType: 'application/json',
        body: JSON.stringify(object),
      },
      options,
    );
  }

  /**
   * Deletes the very object that was looked at.
   *
   * @param options.uid of the object that was read; another one of the same name stays.
   * @returns whether there was anything to delete.
   * @throws AgentError MESH_ERR_KUBE_CONFLICT when the name now belongs to another object.
   */
  async delete(
    ref: ObjectRef,
    options: CallOptions & { readonly uid: string; readonly resourceVersion?: string },
  ): Promise<boolean> {
    const { uid, resourceVersion } = options;
    const call: ApiCall = {
      method: 'DELETE',
      verb: 'delete',
      object: describeRef(ref),
      path: objectPath(ref),
      contentType: 'application/json',
      body: JSON.stringify({
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        preconditions: { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      }),
    };
    const answer = await this.#api.call(call, options);
    if (answer.ok) return true;
    if (saysAbsent(answer.status, ref.name)) return false;
    throw statusError(answer.status, this.#api.attempt(call));
  }

  /** A token of a service account (TokenRequest), for the audience alone that is asked for. */
  async createTokenRequest(request: TokenRequest, options: CallOptions = {}): Promise<ServiceAccountToken> {
    const call = tokenRequestCall(request);
    const answer = await this.#api.call(call, options);
    if (!answer.ok) throw statusError(answer.status, this.#api.attempt(call));
    const token = parseToken(answer.body);
    if (token === undefined) throw unreachable(this.#api.attempt(call), 'its answer holds no token');
    return token;
  }

  /** Whether the kubeconfig's user may do this (SelfSubjectAccessReview): a question, of which nothing is stored. */
  async mayI(action: ReviewedAction, options: CallOptions = {}): Promise<boolean> {
    const call = accessReviewCall(action);
    const answer = await this.#api.call(call, options);
    if (!answer.ok) throw statusError(answer.status, this.#api.attempt(call));
    const isAllowed = parseAccessReview(answer.body);
    if (isAllowed === undefined) {
      throw unreachable(this.#api.attempt(call), 'its answer says neither yes nor no');
    }
    return isAllowed;
  }

  #patch(
    kind: KubeKind,
    object: KubeObject,
    subresource: 'status' | undefined,
    {
      force = false,
      manager = fieldManager,
      ...options
    }: CallOptions & { readonly force?: boolean; readonly manager?: string },
  ): Promise<KubeObject> {
    const ref = refOf(kind, object);
    return this.#write(
      ref,
      {
        method: 'PATCH',
        verb: 'patch',
        object: subresource === undefined ? describeRef(ref) : `${describeRef(ref)}/${subresource}`,
        path: `${objectPath(ref, subresource)}${queryString({ fieldManager: manager, force })}`,
        // JSON is YAML; no other media type is accepted for server-side apply.
        contentType: 'application/apply-patch+yaml',
        body: JSON.stringify({ ...object, apiVersion: kind.apiVersion, kind: kind.kind }),
      },
      options,
    );
  }

  async #write(ref: ObjectRef, call: ApiCall, options: CallOptions): Promise<KubeObject> {
    const answer = await this.#api.call(call, options);
    if (!answer.ok) throw statusError(answer.status, this.#api.attempt(call));
    return this.#object(answer.body, ref, call);
  }

  #read(verb: string, object: string): Omit<ApiCall, 'path'> {
    return { method: 'GET', verb, object };
  }

  /** An answer that is another object, or none, comes from something else than the API server. */
  #object(body: unknown, { kind, name }: ObjectRef, call: ApiCall): KubeObject {
    if (isKubeObject(body) && body.kind === kind.kind && (name === '' || body.metadata.name === name)) {
      return body;
    }
    throw unreachable(this.#api.attempt(call), 'its answer is not the object that was asked for');
  }
}
