import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

/** The reference server as `npm start` runs it: `npm run build` makes it. */
export class NotebookProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  /** Resolves when the server says where it listens. @throws Error it ended; the message has all that it wrote */
  static async start(options: { cwd: string; port?: string; host?: string }): Promise<NotebookProcess> {
    const { NODE_OPTIONS: _, NODE_ENV: __, ...environment } = process.env;
    const child = spawn(process.execPath, [MAIN], {
      cwd: options.cwd,
      env: { ...environment, PORT: options.port ?? '0', HOST: options.host ?? '127.0.0.1', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const url = await new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        output += chunk.toString();
        const [, found] = /HTTP\+SSE: +(\S+)\/mcp\/sse/.exec(output) ?? [];
        if (found) resolve(found);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('close', (code) => reject(new Error(`The server ended with ${code}:\n${output}`)));
    });
    return new NotebookProcess(child, url);
  }

  get port(): string {
    return new URL(this.url).port;
  }

  /** @returns the exit code, or the name of the signal that ended the process */
  async stop(): Promise<number | string> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    this.child.kill('SIGTERM');
    const [code, signal] = (await once(this.child, 'exit')) as [number | null, string | null];
    return code ?? signal!;
  }
}
