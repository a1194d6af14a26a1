import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import type { Effect } from '../tcl/rule-engine.js';
import type { LogPublisherConfiguration, PoolConfiguration } from './configuration.js';

type Sent = Extract<Effect, { readonly kind: 'high_speed_log' }>;

/**
 * High-speed logging of rules (`HSL::send`): what they say goes to a pool member as it is, over UDP or over one
 * TCP connection for each pool. As on the device, nothing tells a rule whether it arrived.
 */
export class HighSpeedLogs {
  readonly #udp = new Map<string, UdpSocket>();
  readonly #tcp = new Map<string, Socket>();
  #pools: ReadonlyMap<string, PoolConfiguration> = new Map();
  #publishers: ReadonlyMap<string, LogPublisherConfiguration> = new Map();
  #turn = 0;

  configure(pools: readonly PoolConfiguration[], publishers: readonly LogPublisherConfiguration[]): void {
    this.#pools = new Map(pools.map((pool) => [pool.fullPath, pool]));
    this.#publishers = new Map(publishers.map((publisher) => [publisher.fullPath, publisher]));
  }

  send({ to, data }: Pick<Sent, 'to' | 'data'>): void {
    if (to.protocol !== 'publisher') return this.#sendToPool(to.protocol, to.fullPath, data);
    for (const { protocol, pool } of this.#publishers.get(to.fullPath)?.destinations ?? []) {
      this.#sendToPool(protocol, pool, data);
    }
  }

  #sendToPool(protocol: 'TCP' | 'UDP', pool: string, data: Buffer): void {
    const members = this.#pools.get(pool)?.members ?? [];
    const member = members[this.#turn % Math.max(members.length, 1)];
    if (member === undefined) return;
    if (protocol === 'TCP') {
      this.#stream(pool, member).write(data);
      return;
    }
    this.#turn += 1;
    const family = isIPv6(member.address) ? 'udp6' : 'udp4';
    this.#datagrams(family).send(data, member.port, member.address, () => undefined);
  }

  close(): void {
    for (const socket of this.#tcp.values()) socket.end();
    for (const socket of this.#udp.values()) socket.close();
    this.#tcp.clear();
    this.#udp.clear();
  }

  #stream(pool: string, { address, port }: { readonly address: string; readonly port: number }): Socket {
    const open = this.#tcp.get(pool);
    if (open !== undefined) return open;
    this.#turn += 1;
    const socket = connect({ host: address, port });
    this.#tcp.set(pool, socket);
    socket.on('error', () => undefined); // The close tells; the next line tries anew.
    socket.on('close', () => {
      if (this.#tcp.get(pool) === socket) this.#tcp.delete(pool);
    });
    socket.resume();
    return socket;
  }

  #datagrams(family: 'udp4' | 'udp6'): UdpSocket {
    let socket = this.#udp.get(family);
    if (socket === undefined) {
      socket = createSocket(family);
      socket.on('error', () => undefined);
      this.#udp.set(family, socket);
    }
    return socket;
  }
}
