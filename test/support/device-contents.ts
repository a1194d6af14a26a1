import { deviceUser } from '../../src/demo/surroundings.js';
import type { MockBigIp } from '../../src/mock/mock-big-ip.js';
import { ManagementClient } from '../unit/mock/management-client.js';

/** A person who looks at the scenario's device, beside the agent and not through its code. */
export class DeviceContents {
  readonly client: ManagementClient;

  private constructor(client: ManagementClient) {
    this.client = client;
  }

  static async open(device: MockBigIp): Promise<DeviceContents> {
    const client = new ManagementClient(device);
    await client.login(deviceUser.name, deviceUser.password);
    return new DeviceContents(client);
  }

  close(): void {
    this.client.close();
  }

  /** The names of the objects of a kind in a partition, in order. */
  async names(kind: string, partition = 'mesh'): Promise<string[]> {
    const items = await this.#items(`/mgmt/tm/${kind}?$filter=partition%20eq%20${partition}`);
    return items.map(({ name }) => String(name)).toSorted();
  }

  /** Certificates, bundles, chains and keys. */
  async files(): Promise<string[]> {
    return [...(await this.names('sys/file/ssl-cert')), ...(await this.names('sys/file/ssl-key'))];
  }

  /** What the client SSL profile of a service refers to. */
  async pair(
    service: string,
  ): Promise<{ readonly cert: string; readonly key: string; readonly chain: string }> {
    const profile = (await this.client.get(`/mgmt/tm/ltm/profile/client-ssl/~mesh~${service}_clientssl`))
      .json;
    const [pair] = profile['certKeyChain'] as unknown as ReadonlyArray<Record<string, string>>;
    const local = (path = ''): string => path.replace('/mesh/', '');
    return { cert: local(pair?.['cert']), key: local(pair?.['key']), chain: local(pair?.['chain']) };
  }

  /** What lies in the upload folder, whoever sent it. */
  async uploads(): Promise<string[]> {
    const { json } = await this.client.post('/mgmt/tm/util/unix-ls', {
      command: 'run',
      utilCmdArgs: '/var/config/rest/downloads',
    });
    const printed = json['commandResult'];
    return (typeof printed === 'string' ? printed : '').split('\n').filter((line) => line !== '');
  }

  /** Transactions that wait for their commit. */
  async transactions(): Promise<number> {
    return (await this.#items('/mgmt/tm/transaction')).length;
  }

  /** Login tokens, without that of whoever looks. */
  async tokens(): Promise<number> {
    return (await this.#items('/mgmt/shared/authz/tokens')).length - 1;
  }

  async #items(path: string): Promise<ReadonlyArray<Record<string, unknown>>> {
    const { items } = (await this.client.get(path)).json;
    return (items ?? []) as unknown as ReadonlyArray<Record<string, unknown>>;
  }
}
