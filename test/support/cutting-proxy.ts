import { createServer, connect, type Socket } from 'node:net';
import { cleanUpLater } from './clean-up.js';

/** Passes TCP connections on to an application or another server, and breaks them when told to. */
export class CuttingProxy {
  /** Connections made so far. */
  accepted = 0;
  private readonly pairs = new Set<{ client: Socket; server: Socket }>();
  private cutOn: { text: string; done: () => void } | undefined;
  private cutOnRequest: { text: string; isPassedOn: boolean; done: () => void } | undefined;
  private halted = false;
  private muted = false;

  private constructor(
    readonly origin: string,
    /** Where new connections go. */
    public targetPort: number,
  ) {}

  /** @param atEnd has the proxy closed; by default, after the test */
  static async before(targetPort: number, atEnd = cleanUpLater): Promise<CuttingProxy> {
    const server = createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const proxy = new CuttingProxy(`http://127.0.0.1:${port}`, targetPort);
    server.on('connection', (client) => proxy.pass(client));
    atEnd(() => {
      proxy.cut();
      server.close();
    });
    return proxy;
  }

  /** Breaks every connection now. */
  cut(): void {
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
    this.pairs.clear();
  }

  /** Breaks every connection as soon as the application has sent this text, which the client does not get whole. */
  cutWithin(text: string): Promise<void> {
    return new Promise((resolve) => (this.cutOn = { text, done: resolve }));
  }

  /** Breaks every connection as soon as the client has sent this text, which does not get through. */
  cutRequest(text: string): Promise<void> {
    return new Promise((resolve) => (this.cutOnRequest = { text, isPassedOn: false, done: resolve }));
  }

  /** Breaks every connection as soon as the server answers after the client has sent this text. */
  cutReply(text: string): Promise<void> {
    return new Promise((resolve) => (this.cutOnRequest = { text, isPassedOn: true, done: resolve }));
  }

  /** Nothing that the server sends comes through any more, until the connections are made anew. */
  mute(): void {
    this.muted = true;
  }

  /** The connections stay open to the application, and nothing passes any more: as when a laptop sleeps. */
  halt(): void {
    this.halted = true;
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.resume();
    }
  }

  resume(): void {
    this.halted = false;
  }

  private pass(client: Socket): void {
    this.accepted += 1;
    this.muted = false;
    const server = connect(this.targetPort, '127.0.0.1');
    const pair = { client, server };
    this.pairs.add(pair);
    client.on('error', () => undefined).on('data', (chunk) => this.toServer(pair, chunk));
    server.on('error', () => undefined).on('data', (chunk) => this.toClient(pair, chunk));
    client.on('close', () => {
      if (!this.halted) server.destroy();
    });
    server.on('close', () => {
      client.destroy();
      this.pairs.delete(pair);
    });
  }

  private toServer({ client, server }: { client: Socket; server: Socket }, chunk: Buffer): void {
    if (!this.cutOnRequest || !chunk.includes(this.cutOnRequest.text)) {
      server.write(chunk);
      return;
    }
    const { isPassedOn, done } = this.cutOnRequest;
    this.cutOnRequest = undefined;
    const cut = (): void => {
      this.cut();
      done();
    };
    if (!isPassedOn) return cut();
    server.removeAllListeners('data').once('data', cut);
    client.removeAllListeners('data');
    server.write(chunk);
  }

  private toClient({ client }: { client: Socket }, chunk: Buffer): void {
    if (this.muted) return;
    const at = this.cutOn ? chunk.indexOf(this.cutOn.text) : -1;
    if (at < 0) {
      if (!client.destroyed) client.write(chunk);
      return;
    }
    const { done, text } = this.cutOn!;
    this.cutOn = undefined;
    client.write(chunk.subarray(0, at + Math.floor(text.length / 2)), () => {
      this.cut();
      done();
    });
  }
}
