import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** `open`: passes everything on. `closed`: connections are refused. `silent`: they are taken, and nothing comes back. */
export type GateMode = 'open' | 'closed' | 'silent';

/** A door before a server, on a port that stays the same: an outage as the network shows it. */
export class Gate implements AsyncDisposable {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #port = 0;
  #mode: GateMode = 'open';

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = this.#made();
  }

  static async before(target: string): Promise<Gate> {
    const gate = new Gate(target);
    await gate.#listen();
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Connections that exist are broken off, or go silent too. */
  async set(mode: GateMode): Promise<void> {
    if (this.#mode === 'closed' && mode !== 'closed') await this.#listen();
    this.#mode = mode;
    if (mode === 'silent') for (const socket of this.#sockets) socket.pause().unpipe();
    else for (const socket of this.#sockets) socket.destroy();
    if (mode === 'closed') await this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await this.#close();
  }

  #made(): Server {
    return createServer((socket) => this.#take(socket));
  }

  async #listen(): Promise<void> {
    this.#server = this.#made();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #take(socket: Socket): void {
    this.#keep(socket);
    if (this.#mode === 'silent') return void socket.resume();
    const onward = connect(Number(this.#target.port), this.#target.hostname);
    this.#keep(onward);
    socket.pipe(onward).pipe(socket);
    socket.once('close', () => onward.destroy());
    onward.once('close', () => socket.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
