import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { DeviceTrust } from '../icontrol/trust.js';
import { Secret } from '../secret.js';
import { Difference, Inapplicable } from './check.js';
import type { Check, CheckGroup } from './check.js';
import { dataGroupChecks } from './checks/data-groups.js';
import { fileChecks } from './checks/files.js';
import { loginChecks } from './checks/login.js';
import { profileChecks } from './checks/profiles.js';
import { statusChecks } from './checks/status.js';
import { trafficChecks } from './checks/traffic.js';
import { transactionChecks } from './checks/transactions.js';
import { DeviceHttp } from './device-http.js';
import { isJsonObject, textOf } from './json.js';
import { mintMaterial } from './material.js';
import type { Material } from './material.js';
import { OwnPartition, partitionName } from './own-partition.js';
import { parseRelease } from './subject.js';
import type { Session, Subject } from './subject.js';

/** All that the agent relies on in a BIG-IP, in the order in which it is looked at. */
export const checkGroups: readonly CheckGroup[] = [
  loginChecks,
  statusChecks,
  dataGroupChecks,
  fileChecks,
  profileChecks,
  trafficChecks,
  transactionChecks,
];

export interface ConformanceOptions {
  readonly url: URL;
  readonly trust: DeviceTrust;
  readonly credentials?: { readonly username: string; readonly password: Secret };
  /** Whether checks may write, into a partition of their own, which is removed at the end. */
  readonly write: boolean;
  readonly clock: Clock;
  /** Ends the run after the check that is under way; what was made is removed all the same. */
  readonly signal: AbortSignal;
  /** Told of each check as it ends. */
  readonly onResult: (result: CheckResult) => void;
  /** Default: new keys for each run. */
  readonly material?: Material;
}

export interface CheckResult {
  readonly group: string;
  readonly name: string;
  readonly evidence: string;
  readonly outcome:
    | { readonly is: 'ok' }
    | { readonly is: 'failed'; readonly expected: string; readonly seen: string }
    | { readonly is: 'skipped'; readonly reason: string };
}

/**
 * Asks a device everything that the agent relies on.
 *
 * @throws AgentError when the device does not answer, does not admit the user, has a partition of the suite's name
 *   that is somebody else's, or keeps something that the suite made
 */
export async function runConformance(options: ConformanceOptions): Promise<readonly CheckResult[]> {
  const http = new DeviceHttp(options.url, options.trust);
  const own = new OwnPartition(http);
  let session: Session | undefined;
  let isOwnThere = false;
  try {
    session = await logIn(http, options.credentials);
    const version = session === undefined ? '' : await observeVersion(http);
    const partitionAnswer = options.write && session !== undefined ? await own.create() : undefined;
    isOwnThere = partitionAnswer?.status === 200;
    const subject: Subject = {
      http,
      session,
      release: parseRelease(version),
      partition: partitionName,
      partitionAnswer,
      material: options.material ?? (await mintMaterial(options.clock.now())),
      upload: (name, content) => own.upload(name, content),
      nameUpload: (name) => own.nameUpload(name),
    };
    return await runChecks(subject, options);
  } finally {
    try {
      if (isOwnThere) await own.remove();
    } finally {
      if (session !== undefined) await logOut(http, session);
      http.close();
    }
  }
}

async function runChecks(subject: Subject, options: ConformanceOptions): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { title, checks } of checkGroups) {
    for (const check of checks) {
      const reason = reasonToSkip(check, subject, options);
      const outcome =
        reason === undefined ? await runCheck(check, subject) : ({ is: 'skipped', reason } as const);
      const result = { group: title, name: check.name, evidence: check.evidence, outcome };
      results.push(result);
      options.onResult(result);
    }
  }
  return results;
}

function reasonToSkip({ needs }: Check, subject: Subject, options: ConformanceOptions): string | undefined {
  if (options.signal.aborted) return 'interrupted';
  if (needs === 'nothing') return undefined;
  if (subject.session === undefined) return 'needs --user and --password-file';
  if (needs === 'login') return undefined;
  if (!options.write) return 'needs --write';
  const answer = subject.partitionAnswer;
  if (answer?.status === 200) return undefined;
  return `this user may not make a partition: ${textOf(answer?.json['message'])} (${answer?.status ?? 0})`;
}

async function runCheck(check: Check, subject: Subject): Promise<CheckResult['outcome']> {
  try {
    await check.run(subject);
    return { is: 'ok' };
  } catch (error) {
    if (error instanceof Inapplicable) return { is: 'skipped', reason: error.message };
    const { expected, seen } =
      error instanceof Difference
        ? error
        : { expected: 'an answer', seen: error instanceof AgentError ? error.message : unexpected(error) };
    return { is: 'failed', expected, seen: withoutSecrets(seen, subject.session) };
  }
}

/** A check that trips over an answer has met a device that is unlike what it was written for. */
function unexpected(error: unknown): string {
  return error instanceof Error ? `something else (${error.name}: ${error.message})` : 'something else';
}

/** Tokens stand in paths and bodies, which a difference quotes. */
function withoutSecrets(text: string, session: Session | undefined): string {
  const hidden = text.replaceAll(/(\/authz\/tokens\/)[^/?\s"]+/g, '$1[redacted]');
  const token = textOf(session?.token['token']);
  return token === '' ? hidden : hidden.replaceAll(token, '[redacted]');
}

async function logIn(
  http: DeviceHttp,
  credentials: ConformanceOptions['credentials'],
): Promise<Session | undefined> {
  if (credentials === undefined) return undefined;
  const { username, password } = credentials;
  const { status, json: answer } = await http.post(
    '/mgmt/shared/authn/login',
    { username, password: password.reveal(), loginProviderName: 'tmos' },
    { as: 'nobody' },
  );
  const token = isJsonObject(answer['token']) ? answer['token'] : {};
  const value = textOf(token['token']);
  if (status !== 200 || value === '') {
    throw new AgentError(
      'MESH_ERR_DEVICE_AUTH_FAILED',
      `the device does not admit user ${username}: ${textOf(answer['message'])} (HTTP ${status})`,
      'Correct --user and the content of --password-file',
    );
  }
  http.useToken(new Secret(value));
  return { username, password, answer, token };
}

/** Never fails: the token expires by itself. */
async function logOut(http: DeviceHttp, { token }: Session): Promise<void> {
  await http.delete(`/mgmt/shared/authz/tokens/${textOf(token['token'])}`).catch(() => undefined);
}

/** From the link of a resource that every release has, so that `sys/version` itself can be a check. */
async function observeVersion(http: DeviceHttp): Promise<string> {
  const { json } = await http.get('/mgmt/tm/sys/global-settings');
  const version = /[?&]ver=(\d+(?:\.\d+)+)$/.exec(textOf(json['selfLink']))?.[1];
  if (version !== undefined) return version;
  throw new AgentError(
    'MESH_ERR_DEVICE_PROTOCOL',
    'the device does not say its release',
    'Check that the address is the management port of a BIG-IP, and that the user may read sys/global-settings',
  );
}
