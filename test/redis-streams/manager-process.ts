import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EventId, StreamRef } from '../../libs/mcp-sessions/src/streams/stream-manager.interface.js';
import type { SseContent } from '../../libs/mcp-sessions/src/testing/sse-parser.js';
import { eventually, within } from '../support/eventually.js';

/** Kinds of client that faults are tested with: the library's own, and others that applications hand over. */
export const CLIENT_KINDS = ['a client made from a URL', 'node-redis 6', 'iovalkey'];

/** What a connection in another process has received. */
export interface ReadConnection extends SseContent {
  closed: boolean;
  /** The data of the events. */
  data: string[];
}

/** What the process says: that it is ready, the answer to a call, or an error that nobody handled. */
interface Report {
  isReady?: true;
  id?: number;
  result?: unknown;
  error?: { code: string; message: string };
  unexpected?: string;
}

/** A stream manager in a process of its own, which a test can stop, pause and kill. */
export class ManagerProcess {
  /** Errors that nobody in the process handled. */
  readonly unexpected: string[] = [];
  output = '';
  private calls = 0;
  private isReady = false;
  private readonly waiting = new Map<number, (report: Report) => void>();

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (report: Report) => this.hear(report));
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  /**
   * Kill it in the end.
   *
   * @param settings the manager's configuration, and where Redis is: a `url`, the `sentinel` options of ioredis or the
   * addresses of a `cluster`; and the kind of `client`, one of `CLIENT_KINDS`
   * @param environment what the process has in its environment besides
   */
  static async start(settings: object, environment: NodeJS.ProcessEnv = {}): Promise<ManagerProcess> {
    const child = fork(fileURLToPath(new URL('manager-in-process.mjs', import.meta.url)), {
      env: { ...process.env, ...environment, NODE_OPTIONS: '', SETTINGS: JSON.stringify(settings) },
      execArgv: [],
      silent: true,
    });
    const manager = new ManagerProcess(child);
    await eventually(`the process: ${manager.output}`, () => manager.isReady, 20_000);
    try {
      await manager.call('start');
      return manager;
    } catch (error) {
      await manager.kill();
      throw error;
    }
  }

  open(name: string, ref: StreamRef, after?: EventId): Promise<void> {
    return this.call('open', name, ref, after);
  }

  read(name: string): Promise<ReadConnection> {
    return this.call('read', name);
  }

  append(ref: StreamRef, data: string, options?: { last?: boolean }): Promise<EventId> {
    return this.call('append', ref, data, options);
  }

  /** @param sessionIds `null` for all */
  send(sessionIds: string[] | null, data: string): Promise<void> {
    return this.call('send', sessionIds, data);
  }

  /** Sends one after the other, whatever becomes of them. @returns those that were sent for certain */
  sendEach(sessionIds: string[] | null, data: string[], pauseMs?: number): Promise<string[]> {
    return this.call('sendEach', sessionIds, data, pauseMs);
  }

  /** Tells the other instances something about a session. */
  notify(sessionId: string, value: unknown): Promise<void> {
    return this.call('signal', sessionId, value);
  }

  has(sessionId: string): Promise<boolean> {
    return this.call('has', sessionId);
  }

  /** Calls a method that `manager-in-process.mjs` has, with what JSON can express. */
  call<Result>(method: string, ...args: unknown[]): Promise<Result> {
    this.calls += 1;
    const id = this.calls;
    const answer = new Promise<Report>((resolve) => this.waiting.set(id, resolve));
    this.child.send({ id, method, args });
    return within(`the answer to ${method}`, answer, 20_000).then(({ error, result }) => {
      if (error) throw Object.assign(new Error(error.message), { code: error.code });
      return result as Result;
    });
  }

  /** Waits until the connection has received as many events. @returns what it has received */
  async receives(name: string, count: number): Promise<ReadConnection> {
    let content = await this.read(name);
    const isThere = async (): Promise<boolean> => {
      content = await this.read(name);
      return content.data.length >= count;
    };
    await eventually(`${count} events`, isThere, 15_000).catch(() => undefined);
    return content;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.signal('SIGKILL');
    await within('the exit', exit);
  }

  private hear(report: Report): void {
    this.isReady ||= report.isReady === true;
    if (report.unexpected !== undefined) this.unexpected.push(report.unexpected);
    if (report.id === undefined) return;
    this.waiting.get(report.id)?.(report);
    this.waiting.delete(report.id);
  }
}
