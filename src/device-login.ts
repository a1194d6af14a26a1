import { readFile } from 'node:fs/promises';
import type { DeviceConfig } from './config/schema.js';
import { AgentError } from './errors.js';
import type { Credentials } from './icontrol/session.js';
import type { DeviceTrust } from './icontrol/trust.js';
import type { KubeClient } from './kube/client.js';
import { kinds } from './kube/kinds.js';
import { secretData } from './kube/object-data.js';
import { Secret } from './secret.js';
import { systemErrorCode } from './system-error.js';

/**
 * User name and password of a device, read anew from where the config file says they are.
 *
 * @param kube asked for the Secret; not used for credentials in files
 * @throws AgentError MESH_ERR_CREDENTIALS_MISSING, MESH_ERR_CONFIG_UNREADABLE, MESH_ERR_KUBE_*
 */
export async function deviceCredentials(
  kube: Pick<KubeClient, 'get'>,
  { name, credentials }: DeviceConfig,
  signal: AbortSignal,
): Promise<Credentials> {
  const { secretRef, files } = credentials;
  if (files !== undefined) {
    return {
      username: (await readNamedFile(files.username, `the user name of device ${name}`)).trim(),
      password: new Secret(
        (await readNamedFile(files.password, `the password of device ${name}`)).replace(/\r?\n$/, ''),
      ),
    };
  }
  const ref = { kind: kinds.secret, namespace: secretRef?.namespace ?? '', name: secretRef?.name ?? '' };
  const secret = await kube.get(ref, { signal });
  const data = secret === undefined ? undefined : secretData(secret);
  const username = data?.get('username');
  const password = data?.get('password');
  if (username === undefined || password === undefined) {
    throw new AgentError(
      'MESH_ERR_CREDENTIALS_MISSING',
      `Secret ${ref.namespace}/${ref.name} with the credentials of device ${name} ${
        secret === undefined ? 'does not exist' : 'lacks username or password'
      }`,
      'create it with the keys username and password',
    );
  }
  return {
    username: username.reveal().toString('utf8'),
    password: new Secret(password.reveal().toString('utf8')),
  };
}

/**
 * The same credentials, and while the Kubernetes API server cannot be asked for them, those that it gave last: a login
 * token of a device lasts for minutes, an outage may last longer.
 */
export function heldCredentials(read: () => Promise<Credentials>): () => Promise<Credentials> {
  let held: Credentials | undefined;
  return async () => {
    try {
      held = await read();
    } catch (error) {
      const isAway =
        error instanceof AgentError &&
        (error.code === 'MESH_ERR_KUBE_UNREACHABLE' || error.code === 'MESH_ERR_KUBE_UNAUTHORIZED');
      if (!isAway || held === undefined) throw error;
    }
    return held;
  };
}

/**
 * What the management port of a device is recognised by.
 *
 * @throws AgentError MESH_ERR_CONFIG_UNREADABLE
 */
export async function deviceTrust({ name, tls }: DeviceConfig): Promise<DeviceTrust> {
  if (tls.sha256 !== undefined) return { fingerprint256: tls.sha256 };
  return { caPem: await readNamedFile(tls.caFile ?? '', `the management CA of device ${name}`) };
}

async function readNamedFile(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    throw new AgentError(
      'MESH_ERR_CONFIG_UNREADABLE',
      `${file}, ${what}, cannot be read (${code})`,
      'mend its path in the config file',
    );
  }
}
