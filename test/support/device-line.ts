import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A line to a server that can be stopped: what is sent on it then waits, in both directions. */
export class DeviceLine {
  readonly #protocol: string;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #held: Array<() => void> = [];
  #isStopped = false;
  #stopWhen: () => boolean = () => false;
  #markStopped: () => void = () => undefined;

  private constructor(protocol: string, server: Server) {
    this.#protocol = protocol;
    this.#server = server;
  }

  static async to(url: string): Promise<DeviceLine> {
    const target = new URL(url);
    const line = new DeviceLine(
      target.protocol,
      createServer((near) => {
        const far = connect(Number(target.port), target.hostname);
        for (const socket of [near, far]) {
          socket.on('error', () => undefined);
          line.#sockets.push(socket);
        }
        near.on('data', (chunk: Buffer) => line.#take(() => far.write(chunk)));
        far.on('data', (chunk: Buffer) => {
          if (line.#stopWhen()) line.stop();
          line.#take(() => near.write(chunk));
        });
        near.on('close', () => far.destroy());
        far.on('close', () => near.destroy());
      }),
    );
    await new Promise<void>((resolve) => line.#server.listen(0, '127.0.0.1', resolve));
    return line;
  }

  get url(): string {
    return `${this.#protocol}//127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when an answer came of the device after which nothing passes any more, not that answer either. */
  stopWhen(holds: () => boolean): Promise<void> {
    this.#stopWhen = holds;
    return new Promise((resolve) => {
      this.#markStopped = resolve;
    });
  }

  goOn(): void {
    this.#stopWhen = () => false;
    this.#isStopped = false;
    this.#pass();
  }

  stop(): void {
    this.#isStopped = true;
    this.#markStopped();
  }

  #take(pass: () => void): void {
    this.#held.push(pass);
    if (!this.#isStopped) this.#pass();
  }

  #pass(): void {
    for (const pass of this.#held) pass();
    this.#held = [];
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
