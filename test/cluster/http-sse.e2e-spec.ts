import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { callRequest, initializeRequest, INITIALIZED, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import type { ServerSdk } from '../support/scenario-server.js';
import { startCluster, type Instance } from '../support/start-cluster.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

/** The stream on the first instance, and where to POST on each of them. */
async function connected(sdk: ServerSdk) {
  const instances = await startCluster(redis.url, sdk);
  const [first] = instances as [Instance];
  const stream = await new RawClient(`${first.url}/sse`).listen();
  const { data } = (await stream.next())!;
  const posts = instances.map(({ origin }) => new RawClient(new URL(data!, origin).href));
  const sessionId = new URL(posts[0]!.url).searchParams.get('sessionId')!;
  return { instances, stream, posts, sessionId };
}

describe.each<ServerSdk>(['v1', 'v2'])('an HTTP+SSE session over three instances, SDK %s', (sdk) => {
  it('P1 has its stream on one, and every POST on another', async () => {
    const { stream, posts } = await connected(sdk);
    const [, onB, onC] = posts;
    const initialize = initializeRequest('2024-11-05', { elicitation: {} });
    expect((await onB!.post(initialize)).status).toBe(202);
    expect(await stream.nextMessage()).toMatchObject({ id: 0, result: { protocolVersion: '2024-11-05' } });
    expect((await onC!.post(INITIALIZED)).status).toBe(202);
    for (const [id, post] of posts.entries()) {
      expect((await post.post(callRequest(id + 1, 'echo', { text: `${id}` }))).status).toBe(202);
      expect(await stream.nextMessage()).toMatchObject({
        id: id + 1,
        result: { content: [{ text: `${id}` }] },
      });
    }
    await onB!.post(callRequest(9, 'ask'));
    const question = (await stream.nextMessage())!;
    expect(question.method).toBe('elicitation/create');
    const result = { action: 'accept', content: { name: 'Ada' } };
    expect((await onC!.post({ jsonrpc: '2.0', id: question.id, result })).status).toBe(202);
    expect((await stream.nextMessage())!.result.content[0].text).toContain('Ada');
  });

  it('P1 ends everywhere when its client hangs up', async () => {
    const { instances, stream, posts, sessionId } = await connected(sdk);
    for (const post of posts) await post.post(INITIALIZED);
    await stream.close();
    await eventually('the end', async () => (await instances[1]!.sessions.get(sessionId)) === null);
    for (const post of posts) {
      expect((await post.post(callRequest(1, 'echo', { text: 'x' }))).status).toBe(404);
    }
    for (const { status } of instances) {
      await eventually(
        'nothing is left',
        () => status().sessions + status().streams + status().runtimes === 0,
      );
    }
  });
});
