import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cleanUpLater } from '../../support/clean-up.js';
import { eventually, within } from '../../support/eventually.js';

const SCRIPT = fileURLToPath(new URL('../../../scripts/cluster.mjs', import.meta.url));

/** The script `npm run cluster`, without its build. */
export class ClusterScript {
  output = '';

  private constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    // With SIGKILL it could not end what it has started.
    cleanUpLater(() => child.kill('SIGTERM'));
  }

  static run(environment: Record<string, string> = {}): ClusterScript {
    const { NODE_OPTIONS: _, NODE_ENV: __, REDIS_URL: ___, ...rest } = process.env;
    const env = { ...rest, PORT: '0', ...environment };
    return new ClusterScript(spawn(process.execPath, [SCRIPT], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  static async started(): Promise<ClusterScript> {
    const cluster = ClusterScript.run();
    await eventually('the cluster', () => cluster.output.includes('Ctrl-C'), 25_000);
    return cluster;
  }

  /** Of the proxy. */
  get origin(): string {
    return new URL(this.url).origin;
  }

  get url(): string {
    return /Streamable HTTP: (\S+)/.exec(this.output)![1]!;
  }

  /** Of Redis and of the instances. */
  get processIds(): number[] {
    return [...this.output.matchAll(/\(process (\d+)\)/g)].map(([, id]) => Number(id));
  }

  async ends(): Promise<number | null> {
    const [code] = (await within('the end of the script', once(this.child, 'close'), 20_000)) as [
      number | null,
    ];
    return code;
  }
}
