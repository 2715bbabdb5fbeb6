import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cleanUpLater } from './clean-up.js';
import { eventually, within } from './eventually.js';

/** What the process reports: its port, and calls of `controlled` that have reached it. */
type Report = { port?: number; started?: string; notified?: number; failed?: number };

/** An application in a process of its own, which a test can end like any other. */
export class AppProcess {
  readonly reports: Report[] = [];
  output = '';
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (report: Report) => this.reports.push(report));
    child.stdout!.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.exited = once(child, 'exit').then(([code, signal]: (number | string)[]) => code ?? signal!);
    cleanUpLater(() => this.kill('SIGKILL'));
  }

  /** @param settings options of the module, as JSON has them, and the port */
  static async start(settings: object): Promise<AppProcess> {
    const file = fileURLToPath(new URL('app-in-process.mjs', import.meta.url));
    const child = fork(file, {
      env: { ...process.env, NODE_OPTIONS: '', SETTINGS: JSON.stringify(settings) },
      execArgv: [],
      silent: true,
    });
    const app = new AppProcess(child);
    await Promise.race([
      eventually('the application', () => app.port, 20_000),
      app.exited.then((code) => Promise.reject(new Error(`Exited with ${code}: ${app.output}`))),
    ]);
    return app;
  }

  get port(): number | undefined {
    return this.reports.find(({ port }) => port !== undefined)?.port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async started(name: string): Promise<void> {
    await eventually(`call ${name}`, () => this.reports.some(({ started }) => started === name));
  }

  finish(name: string, answer: string): void {
    this.child.send({ finish: name, answer });
  }

  /**
   * Sends the notification `notifications/counted`, to all sessions or to some.
   *
   * @returns whether it was sent; `undefined` if the process died over it
   */
  async notify(from: string, number: number, sessionIds?: string[]): Promise<boolean | undefined> {
    const before = this.reports.length;
    const isDone = (): Report | undefined =>
      this.reports.slice(before).find(({ notified, failed }) => notified === number || failed === number);
    if (!this.child.connected) return undefined;
    // It may die just now: then there is no answer.
    this.child.send({ notify: from, number, sessionIds }, () => undefined);
    const died = this.exited.then(() => undefined);
    const done = await Promise.race([eventually('the notification', isDone, 20_000), died]);
    return done && done.notified === number;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(signal: NodeJS.Signals): Promise<number | string> {
    this.signal(signal);
    return within('the exit', this.exited, 15_000);
  }
}
