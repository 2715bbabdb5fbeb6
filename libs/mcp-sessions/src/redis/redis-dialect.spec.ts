import { describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { InvalidConfigurationError } from '../common/errors.js';
import type { RedisClient } from './redis-client.interface.js';
import { connectionTo, subscriberOn } from './redis-client.js';
import { dialectOf } from './redis-dialect.js';

const lazy = { lazyConnect: true };
const sentinels = { name: 'sessions', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] };

describe('dialectOf', () => {
  it.each<[string, RedisClient]>([
    ['ioredis', new Redis(lazy)],
    ['ioredis', new Redis({ ...lazy, name: 'sessions', sentinels: [{ port: 1 }] })],
    ['ioredis-cluster', new Cluster([{ port: 1 }], lazy)],
    ['node-redis', createClient()],
    ['node-redis-cluster', createCluster({ rootNodes: [{ url: 'redis://127.0.0.1:1' }] })],
    ['node-redis-sentinel', createSentinel(sentinels)],
  ])('recognises %s', (dialect, client) => {
    expect(dialectOf(client)).toBe(dialect);
  });

  it.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /not a client/],
    ['a URL', 'redis://localhost', /not a client/],
    ['some object', { get: () => undefined }, /not a client/],
    ['a pipeline', new Redis(lazy).pipeline(), /not a client/],
    ['node-redis 4, which is as newer ones without `destroy`', withoutDestroy(), /node-redis 5 or newer/],
    ['a pool', createClientPool(), /pool/],
    ['keyPrefix', new Redis({ ...lazy, keyPrefix: 'a:' }), /keyPrefix/],
    [
      'keyPrefix of a Cluster',
      new Cluster([{ port: 1 }], { ...lazy, redisOptions: { keyPrefix: 'a:' } }),
      /keyPrefix/,
    ],
    ['stringNumbers', new Redis({ ...lazy, stringNumbers: true }), /stringNumbers/],
    ['reads from replicas', new Cluster([{ port: 1 }], { ...lazy, scaleReads: 'slave' }), /replicas/],
  ])('refuses %s, and says why', (_, client, reason) => {
    expect(() => dialectOf(client)).toThrow(InvalidConfigurationError);
    expect(() => dialectOf(client)).toThrow(reason);
  });
});

describe('connectionTo and subscriberOn', () => {
  it('refuse one client for both', () => {
    const client = new Redis(lazy);
    expect(() => subscriberOn(client, client)).toThrow(/two clients/);
  });

  it('refuse commands on a client that nobody connected, and say what to do', async () => {
    const connection = connectionTo(createClient());
    await expect(connection.command('key', 'get', 'key')).rejects.toThrow(/await client\.connect\(\)/);
    await expect(connection.command('key', 'get', 'key')).rejects.toBeInstanceOf(InvalidConfigurationError);
  });
});

function withoutDestroy(): object {
  return Object.assign(createClient(), { destroy: undefined });
}
