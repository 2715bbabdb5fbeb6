import { setTimeout as sleep } from 'node:timers/promises';
import { withChildren } from './child.mjs';
import { startRedis } from './redis-server.mjs';
import { summarize } from './statistics.mjs';

/**
 * @typedef {import('./child.mjs').Child} Child
 * @typedef {import('./redis-server.mjs').RedisServer} RedisServer
 * @typedef {{ app: string, replay?: 'on' | 'off' }} Side
 */

/** @type {Record<'ours' | 'oursWithoutReplay' | 'mcpUse' | 'tmcp', Side>} */
export const SIDES = {
  ours: { app: 'apps/redis-streams-ours.mjs' },
  oursWithoutReplay: { app: 'apps/redis-streams-ours.mjs', replay: 'off' },
  mcpUse: { app: 'apps/redis-streams-mcp-use.mjs' },
  tmcp: { app: 'apps/redis-streams-tmcp.mjs' },
};

/** What the rows about streams have in common. */
export const STREAM_ROW = {
  packages: ['nestjs-mcp-sessions', 'ioredis (ours)', 'mcp-use', 'redis'],
  share: startRedis,
};
export const TMCP_ROW = {
  packages: ['nestjs-mcp-sessions', 'ioredis (ours)', '@tmcp/session-manager-redis', 'redis'],
  share: startRedis,
};

/**
 * Measures with instances of one side, each a process of its own.
 * @param {Side} side @param {number} count
 * @param {(instances: Child[], size: any, redis: RedisServer) => Promise<import('./pairs.mjs').Figure>} work
 */
export function withInstances({ app, replay = 'on' }, count, work) {
  return (/** @type {any} */ size, /** @type {RedisServer} */ redis) =>
    withChildren(async (start) => {
      await redis.empty();
      const env = {
        BENCH_REDIS_PORT: `${redis.port}`,
        BENCH_REPLAY: replay,
        MCP_USE_ANONYMIZED_TELEMETRY: 'false',
      };
      const instances = await Promise.all(Array.from({ length: count }, () => start(app, { env })));
      return work(instances, size, redis);
    });
}

/**
 * Waits until an instance has had this many events, evenly spread over its streams.
 * @param {Child} instance @param {number} streams @param {number} events
 * @returns {Promise<number>} when the last one came
 */
async function delivered(instance, streams, events) {
  const { total, lastAt } = await instance.call('received', { events });
  const { most, least } = await instance.call('spread');
  if (total !== events || most > Math.ceil(events / streams) || least < Math.floor(events / streams)) {
    throw new Error(`${total} of ${events} events came, ${least} to ${most} on a stream`);
  }
  return lastAt;
}

/** Streams opened per second. @param {Side} side */
export function createStreams(side) {
  return withInstances(side, 1, async ([instance], { streams, warmUp }) => {
    await instance.call('create', { from: 0, count: warmUp });
    const cpuBefore = await instance.call('cpu');
    const ms = await instance.call('create', { from: warmUp, count: streams });
    const cpu = (await instance.call('cpu')) - cpuBefore;
    return { value: streams / (ms / 1000), cpuMicrosecondsEach: cpu / streams };
  });
}

/** Events per second from one instance to the streams of another. @param {Side} side */
export function deliverEvents(side) {
  return withInstances(side, 2, async ([sender, holder], { sessions, inFlight, warmUp, events }, redis) => {
    await holder.call('create', { count: sessions });
    await sender.call('sendEach', { sessions, count: warmUp, inFlight });
    await delivered(holder, sessions, warmUp);
    const before = {
      sender: await sender.call('cpu'),
      holder: await holder.call('cpu'),
      ...(await redis.usage()),
    };
    const { startedAt, resolvedAt } = await sender.call('sendEach', { sessions, count: events, inFlight });
    const lastAt = await delivered(holder, sessions, warmUp + events);
    const after = {
      sender: await sender.call('cpu'),
      holder: await holder.call('cpu'),
      ...(await redis.usage()),
    };
    return {
      value: events / ((lastAt - startedAt) / 1000),
      sentPerSecond: events / ((resolvedAt - startedAt) / 1000),
      senderCpuMicrosecondsEach: (after.sender - before.sender) / events,
      holderCpuMicrosecondsEach: (after.holder - before.holder) / events,
      redisCpuMicrosecondsEach: (after.cpuMicroseconds - before.cpuMicroseconds) / events,
    };
  });
}

/** Median time from `send` on one instance to the connection on another. @param {Side} side */
export function delayOfEvents(side) {
  return withInstances(side, 2, async ([sender, holder], { sessions, warmUp, events }) => {
    await holder.call('create', { count: sessions });
    await sleep(500); // one of the peers has not subscribed yet when its `create` resolves
    await sender.call('sendSlowly', { sessions, count: warmUp });
    await holder.call('received', { events: warmUp });
    await holder.call('sample');
    await sender.call('sendSlowly', { sessions, count: events });
    await delivered(holder, sessions, warmUp + events);
    const { median, q1, q3, max } = summarize(await holder.call('delays'));
    return { value: median, q1, q3, max };
  });
}

/**
 * Time until one event has reached many streams: of the sessions that are named, held by another instance, or of all
 * sessions, on two instances.
 * @param {Side} side @param {'named' | 'all'} whom
 */
export function reachMany(side, whom) {
  return withInstances(side, 2, async ([sender, other], { sessions, rounds }) => {
    const streams = whom === 'all' ? sessions / 2 : sessions;
    const holders = whom === 'all' ? [sender, other] : [other];
    await Promise.all(
      holders.map((holder, i) => holder.call('create', { from: i * streams, count: streams })),
    );
    const times = [];
    const resolved = [];
    for (let round = 1; round <= rounds + 2; round++) {
      await sleep(100);
      const sessionsNamed = whom === 'all' ? undefined : sessions;
      const { startedAt, resolvedAt } = await sender.call('sendOnce', { sessions: sessionsNamed });
      const lastAt = await Promise.all(holders.map((holder) => delivered(holder, streams, streams * round)));
      if (round <= 2) continue; // to warm up
      times.push(Math.max(resolvedAt, ...lastAt) - startedAt);
      resolved.push(resolvedAt - startedAt);
    }
    return { value: summarize(times).median, resolvedMs: summarize(resolved).median, times };
  });
}

/** Commands that Redis runs for idle streams, per second. @param {Side} side */
export function idleCommands(side) {
  return withInstances(side, 1, async ([instance], { streams, settleMs, ms }, redis) => {
    await instance.call('create', { count: streams });
    await sleep(settleMs);
    const before = await redis.usage();
    const start = performance.now();
    await sleep(ms);
    const { commands, cpuMicroseconds } = await redis.usage();
    const seconds = (performance.now() - start) / 1000;
    return {
      value: (commands - before.commands - 1) / seconds,
      redisCpuShare: (cpuMicroseconds - before.cpuMicroseconds) / 1e6 / seconds,
    };
  });
}

/** Time that `close` takes. @param {Side} side */
export function closeStreams(side) {
  return withInstances(side, 1, async ([instance], { streams }) => {
    await instance.call('create', { count: streams });
    await sleep(200);
    return { value: await instance.call('close') };
  });
}

/**
 * CPU that one broadcast costs the instance that sends it, with 1,000 streams of its own, while another instance holds
 * `elsewhere` sessions. The other one stands still meanwhile: its own work would slow the core that both share.
 * @param {Side} side @param {number} elsewhere
 */
export function broadcastCost(side, elsewhere) {
  return withInstances(side, 2, async ([sender, other], { own, rounds, warmUp }, redis) => {
    await other.call('create', { from: own, count: elsewhere });
    await sender.call('create', { count: own });
    /** @param {number} from @param {number} count */
    const broadcast = async (from, count) => {
      for (let round = from + 1; round <= from + count; round++) {
        await sender.call('sendOnce', {});
        await delivered(sender, own, own * round);
      }
    };
    await broadcast(0, warmUp);
    await delivered(other, elsewhere, elsewhere * warmUp);
    other.pause();
    const cpuBefore = await sender.call('cpu');
    const redisBefore = await redis.usage();
    await broadcast(warmUp, rounds);
    const cpu = (await sender.call('cpu')) - cpuBefore;
    const redisCpu = (await redis.usage()).cpuMicroseconds - redisBefore.cpuMicroseconds;
    other.resume();
    await delivered(other, elsewhere, elsewhere * (warmUp + rounds));
    return { value: cpu / rounds, redisCpuMicroseconds: redisCpu / rounds };
  });
}
