import { describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SERVED_BY } from '../../scripts/round-robin-proxy.mjs';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually, within } from '../support/eventually.js';
import { callRequest, expectStatus, RawClient } from '../support/raw-client.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/cluster.mjs', import.meta.url));

/** The script `npm run cluster`, without its build. */
class ClusterScript {
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

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
}

describe('npm run cluster', () => {
  it('P1 serves one session on three instances, and ends all processes on Ctrl-C', async () => {
    const cluster = await ClusterScript.started();
    expect(cluster.processIds).toHaveLength(4);

    const client = await RawClient.open(cluster.url);
    const servedBy = new Set<string | null>();
    for (let id = 1; id <= 3; id += 1) {
      const response = await expectStatus(200, client.post(callRequest(id, 'show_session')));
      expect(await response.text()).toContain('\\"name\\": \\"raw\\"');
      servedBy.add(response.headers.get(SERVED_BY));
    }
    expect(servedBy.size).toBe(3);

    const stream = await client.listen();
    const { processIds } = cluster;
    cluster.child.kill('SIGINT');

    expect(await cluster.ends()).toBe(0);
    expect(processIds.filter(isRunning)).toEqual([]);
    // The instance ended the stream in good order: whole, and with the time to come back.
    expect(await within('the end of the stream', stream.ended)).toBe(true);
    expect(stream.events.at(-1)?.retry).toBeGreaterThanOrEqual(1_000);
    expect(cluster.output).toContain('All have ended.');
  });

  it('P5 goes on when an instance is killed, and says so', async () => {
    const cluster = await ClusterScript.started();
    const client = await RawClient.open(cluster.url);

    process.kill(cluster.processIds.at(-1)!, 'SIGKILL');
    await eventually('the news', () => cluster.output.includes('instance 3 ended with SIGKILL'));

    for (let id = 1; id <= 4; id += 1) {
      await (await expectStatus(200, client.post(callRequest(id, 'show_session')))).text();
    }
  });

  it('says in a sentence that Redis is missing', async () => {
    const cluster = ClusterScript.run({ REDIS_SERVER: 'no-such-redis' });

    expect(await cluster.ends()).toBe(1);
    expect(cluster.output).toMatch(/^no-such-redis is missing: install Redis .*\.\n$/);
  });

  it('says what an instance wrote when it does not start, and ends the rest', async () => {
    const cluster = ClusterScript.run({ MCP_SESSIONS_IDLE_TIMEOUT_MS: 'soon' });

    expect(await cluster.ends()).toBe(1);
    expect(cluster.output).toContain('MCP_SESSIONS_IDLE_TIMEOUT_MS');
  });
});
