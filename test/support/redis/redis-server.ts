import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually, within } from '../eventually.js';
import { freePort } from './free-port.js';

/** Should the test process die, nothing else would end them. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** What a test may ask of a server. */
export interface RedisServerOptions {
  /** Default: any that is free. */
  port?: number;
  /** Whether it keeps an append-only file, so that a restart finds the data again. Default `false`. */
  appendOnly?: boolean;
  /** Further arguments, such as `--cluster-enabled yes`. */
  args?: string[];
  /** The password that `args` make it ask for. */
  password?: string;
  /** Makes it a Sentinel: what its configuration file says, which it writes to. */
  sentinel?: string;
}

/**
 * A Redis server of a test file, on a port and in a directory of its own. The program is what the environment calls
 * `REDIS_SERVER`, or `redis-server`. Start it in `beforeAll` and `dispose` of it in `afterAll`.
 */
export class RedisServer {
  private child: ChildProcess | undefined;
  private output = '';

  private constructor(
    readonly port: number,
    readonly directory: string,
    private readonly options: RedisServerOptions,
  ) {}

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), 'redis-server-'));
    const server = new RedisServer(options.port ?? (await freePort()), directory, options);
    await server.run();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get isRunning(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  /** Ends the process, as a crash does or in good order, and waits until it has. The data directory stays. */
  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    const child = this.child;
    if (!child || !this.isRunning) return;
    const exit = once(child, 'exit');
    child.kill('SIGCONT'); // a process that is paused takes no SIGTERM
    child.kill(signal);
    await within('redis-server to exit', exit);
  }

  /** Starts the process again on the same port, after stopping it; with its files, or without. */
  async restart({ keepData = true, signal = 'SIGTERM' as 'SIGKILL' | 'SIGTERM' } = {}): Promise<void> {
    await this.stop(signal);
    if (!keepData) await rm(join(this.directory, 'appendonlydir'), { recursive: true, force: true });
    await this.run();
  }

  /** The process stands still, with its connections open: as when the machine hangs. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** Runs one command on a connection of its own. */
  async command(...parts: [string, ...(string | number)[]]): Promise<unknown> {
    const { password } = this.options;
    const options = { password, lazyConnect: true, retryStrategy: () => null, disconnectTimeout: 100 };
    const client = new Redis(this.port, '127.0.0.1', options);
    client.on('error', () => undefined); // the command rejects with it
    try {
      return await client.call(...parts);
    } finally {
      client.disconnect();
    }
  }

  /** Stops the process and removes its directory. */
  async dispose(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.directory, { recursive: true, force: true });
  }

  private async run(): Promise<void> {
    this.output = '';
    const child = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', await this.arguments(), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    const failed = once(child, 'exit').then(
      ([code]) => {
        throw new Error(`redis-server exited with ${String(code)}: ${this.output}`);
      },
      (error: Error) => {
        throw error; // it could not be started at all
      },
    );
    failed.catch(() => undefined); // after it is up, an exit is the test's doing
    child.stdout.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    running.add(child);
    child.once('exit', () => running.delete(child));
    await Promise.race([
      eventually('redis-server to answer', () => this.command('ping').catch(() => undefined)),
      failed,
    ]);
  }

  private async arguments(): Promise<string[]> {
    const { appendOnly = false, args = [], sentinel } = this.options;
    const common = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.directory];
    if (sentinel !== undefined) {
      const file = join(this.directory, 'sentinel.conf');
      await writeFile(file, sentinel);
      return [file, '--sentinel', ...common];
    }
    const files = ['--save', '', '--appendonly', appendOnly ? 'yes' : 'no', '--appendfsync', 'always'];
    return [...common, ...files, ...args];
  }
}
