import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { RedisSessionStore } from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { closeClient, STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisServer } from '../support/redis/redis-server.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start({ args: ['--rename-command', 'unlink', ''] })));
afterAll(() => redis.dispose());

const SESSION = { lastAccessedAt: 1, principal: 'the-owner', data: { said: 'the-payload' } };

/** For each way in which Redis refuses commands: what brings it about, and what ends it. */
const REFUSALS: Record<string, [begin: string, end: string]> = {
  OOM: ['config set maxmemory 1', 'config set maxmemory 0'],
  READONLY: ['replicaof 127.0.0.1 1', 'replicaof no one'],
  NOPERM: ['acl setuser default resetkeys ~other:*', 'acl setuser default allkeys'],
  'ERR unknown command': ['ping', 'ping'],
};

describe.each(Object.entries(STANDALONE_CLIENTS))('errors of Redis through %s', (_name, makeClient) => {
  it.each(Object.entries(REFUSALS))(
    'P7 %s: hold neither session ids, nor owners, nor data',
    async (reply, ways) => {
      const client = await makeClient({ host: '127.0.0.1', port: redis.port });
      cleanUpLater(() => closeClient(client));
      const store = new RedisSessionStore({ client });
      await store.set('the-session', SESSION);

      const [begin, end] = ways.map((way) => () => redis.command(...(way.split(' ') as [string])));
      await begin!();
      const outcomes = await Promise.allSettled([
        store.set('the-session', SESSION),
        store.update('the-session', SESSION),
        store.touch('the-session'),
        store.delete('the-session'),
      ]);
      await end!();

      const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      expect(failures.map(({ cause }) => cause.message)).toContainEqual(expect.stringContaining(reply));
      for (const { cause } of failures) expect(cause.command).toMatch(/^(set|eval|evalsha|unlink)$/);
      const shown = inspect(failures, { depth: Infinity, showHidden: true });
      for (const secret of ['the-session', 'the-owner', 'the-payload']) expect(shown).not.toContain(secret);
    },
  );
});
