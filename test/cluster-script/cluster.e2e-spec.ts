import { describe, expect, it } from '@jest/globals';
import { SERVED_BY } from '../../scripts/round-robin-proxy.mjs';
import { eventually, within } from '../support/eventually.js';
import { callRequest, expectStatus, RawClient } from '../support/raw-client.js';
import { ClusterScript } from './support/cluster-script.js';

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
}

describe('npm run cluster', () => {
  it('ends all processes when the terminal is closed', async () => {
    const cluster = await ClusterScript.started();
    const { processIds } = cluster;
    cluster.child.kill('SIGHUP');
    expect(await cluster.ends()).toBe(0);
    expect(processIds.filter(isRunning)).toEqual([]);
  });

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

  it('says in a sentence that PORT is not a port', async () => {
    const cluster = ClusterScript.run({ PORT: 'abc' });

    expect(await cluster.ends()).toBe(1);
    expect(cluster.output).toMatch(/^PORT must be a whole number .* it is "abc"\.\n$/);
  });

  it('says what an instance wrote when it does not start, and ends the rest', async () => {
    const cluster = ClusterScript.run({ MCP_SESSIONS_IDLE_TIMEOUT_MS: 'soon' });

    expect(await cluster.ends()).toBe(1);
    expect(cluster.output).toContain('MCP_SESSIONS_IDLE_TIMEOUT_MS');
  });
});
