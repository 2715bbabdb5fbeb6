import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { APPEND_EVENTS } from '../../libs/mcp-sessions/src/redis/scripts/append-events.lua.js';
import { ATTACH_STREAMS } from '../../libs/mcp-sessions/src/redis/scripts/attach-streams.lua.js';
import { BROADCAST_EVENTS } from '../../libs/mcp-sessions/src/redis/scripts/broadcast-events.lua.js';
import { CHECK_STREAMS } from '../../libs/mcp-sessions/src/redis/scripts/check-streams.lua.js';
import { DELETE_STREAMS } from '../../libs/mcp-sessions/src/redis/scripts/delete-streams.lua.js';
import { DISMISS_STREAM } from '../../libs/mcp-sessions/src/redis/scripts/dismiss-stream.lua.js';
import { READ_BROADCASTS } from '../../libs/mcp-sessions/src/redis/scripts/read-broadcasts.lua.js';
import { READ_EVENTS } from '../../libs/mcp-sessions/src/redis/scripts/read-events.lua.js';
import { RELEASE_STREAMS } from '../../libs/mcp-sessions/src/redis/scripts/release-streams.lua.js';
import { STREAM_POSITION } from '../../libs/mcp-sessions/src/redis/scripts/stream-position.lua.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { CLIENT_KINDS, ManagerProcess } from './manager-process.js';
import { mainOf, numbers } from './process-pair.js';

const HEARTBEAT_MS = 300;

/** An instance whose two connections can be broken. */
interface Instance {
  manager: ManagerProcess;
  commands: CuttingProxy;
  messages: CuttingProxy;
}

const STEPS = [
  ['before the request', 'cutRequest'],
  ['before the reply', 'cutReply'],
] as const;

describe.each(CLIENT_KINDS)('With %s,', (client) => {
  let server: RedisServer;
  /** Sends; and holds the streams. */
  let sender: Instance;
  let holder: Instance;
  let sessions = 0;
  let sessionId: string;
  const endings: (() => unknown)[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
    [sender, holder] = await Promise.all([startInstance(), startInstance()]);
  }, 30_000);
  afterEach(() => {
    expect([...sender.manager.unexpected, ...holder.manager.unexpected]).toEqual([]);
  });
  afterAll(async () => {
    await Promise.all([sender.manager.kill(), holder.manager.kill()]);
    for (const end of endings) await end();
    await server.dispose();
  });

  async function startInstance(settings: object = {}): Promise<Instance> {
    const proxy = (): Promise<CuttingProxy> => CuttingProxy.before(server.port, (end) => endings.push(end));
    const [commands, messages] = [await proxy(), await proxy()];
    const manager = await ManagerProcess.start({
      client,
      url: commands.origin.replace('http', 'redis'),
      pubSubUrl: messages.origin.replace('http', 'redis'),
      heartbeatInterval: HEARTBEAT_MS / 1_000,
      commandTimeoutMs: 1_000,
      ...settings,
    });
    return { manager, commands, messages };
  }

  /** Waits until the holder has received the events, and a moment more, in which nothing may come twice. */
  async function expectReceived(name: string, expected: string[]): Promise<void> {
    await holder.manager.receives(name, expected.length);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { data, comments } = await holder.manager.read(name);
    expect(data).toEqual(expected);
    expect(comments).toEqual([]);
  }

  describe.each(STEPS)('when the connection for commands breaks %s,', (_, cut) => {
    it('P2 an event is appended once, and those behind it keep their order', async () => {
      sessionId = `append-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      for (const isHolder of [false, true]) {
        const { manager, commands } = isHolder ? holder : sender;
        const data = numbers(10, isHolder ? 'own ' : 'other ');
        const broken = commands[cut](APPEND_EVENTS.sha1);
        expect(await manager.sendEach([sessionId], data)).toEqual(data);
        await broken;
      }
      await expectReceived(sessionId, [...numbers(10, 'other '), ...numbers(10, 'own ')]);
    });

    it('P2 events that nobody waits for in between keep their order', async () => {
      sessionId = `burst-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      const broken = sender.commands[cut](APPEND_EVENTS.sha1);
      await Promise.all(numbers(50).map((data) => sender.manager.send([sessionId], data)));
      await broken;
      await expectReceived(sessionId, numbers(50));
    });

    it('P2 a broadcast is sent once', async () => {
      sessionId = `broadcast-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      const broken = sender.commands[cut](BROADCAST_EVENTS.sha1);
      expect(await sender.manager.sendEach(null, numbers(10))).toEqual(numbers(10));
      await broken;
      await expectReceived(sessionId, numbers(10));
    });

    it('P2 a stream is taken over once, and goes on behind what was delivered', async () => {
      sessionId = `attach-${(sessions += 1)}`;
      await sender.manager.call('position', mainOf(sessionId));
      await sender.manager.sendEach([sessionId], ['1', '2']);
      const broken = holder.commands[cut](ATTACH_STREAMS.sha1);
      const opened = holder.manager.open(sessionId, mainOf(sessionId));
      await broken;
      const sent = sender.manager.send([sessionId], '3');
      await Promise.all([opened, sent]);
      await sender.manager.send([sessionId], '4');
      await expectReceived(sessionId, numbers(4));
      expect(await sender.manager.has(sessionId)).toBe(true);
    });

    it('P2 a stream that is let go of is given up, behind what was delivered', async () => {
      sessionId = `release-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      await sender.manager.send([sessionId], '1');
      await expectReceived(sessionId, ['1']);
      const broken = holder.commands[cut](RELEASE_STREAMS.sha1);
      await holder.manager.call('release', mainOf(sessionId), sessionId);
      await broken;
      expect(await sender.manager.has(sessionId)).toBe(false);
      await sender.manager.send([sessionId], '2');
      await holder.manager.open(`${sessionId} again`, mainOf(sessionId));
      await expectReceived(`${sessionId} again`, ['2']);
    });

    it('P2 the place of a stream is told', async () => {
      sessionId = `position-${(sessions += 1)}`;
      const broken = sender.commands[cut](STREAM_POSITION.sha1);
      const place = sender.manager.call<string>('position', mainOf(sessionId));
      await broken;
      await place;
      await sender.manager.sendEach([sessionId], numbers(2));
      await holder.manager.open(sessionId, mainOf(sessionId), await place);
      await expectReceived(sessionId, numbers(2));
    });

    it('P2 what a subscription missed is read from the log', async () => {
      sessionId = `read-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      const broken = holder.commands[cut](READ_EVENTS.sha1);
      holder.messages.mute();
      expect(await sender.manager.sendEach([sessionId], numbers(10))).toEqual(numbers(10));
      await broken;
      await expectReceived(sessionId, numbers(10));
    });

    it('P1 a stream is closed from another instance', async () => {
      sessionId = `dismiss-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      const broken = sender.commands[cut](DISMISS_STREAM.sha1);
      const dismissed = sender.manager.call('release', mainOf(sessionId));
      await broken;
      await dismissed;
      await eventually('the end', async () => (await holder.manager.read(sessionId)).closed);
      await sender.manager.open(`${sessionId} again`, mainOf(sessionId));
      await holder.manager.send([sessionId], '1');
      expect((await sender.manager.receives(`${sessionId} again`, 1)).data).toEqual(['1']);
    });

    it('P1 a session is deleted', async () => {
      sessionId = `delete-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      const broken = sender.commands[cut](DELETE_STREAMS.sha1);
      await sender.manager.call('delete', sessionId);
      await broken;
      await eventually('the end', async () => (await holder.manager.read(sessionId)).closed);
      expect(await sender.manager.has(sessionId)).toBe(false);
    });

    it('P2 the periodic checks of streams and broadcasts harm nothing', async () => {
      sessionId = `check-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      for (const script of [CHECK_STREAMS, READ_BROADCASTS]) {
        await holder.commands[cut](script.sha1);
        await sender.manager.send([sessionId], script.name);
        await sender.manager.send(null, `for all: ${script.name}`);
      }
      const expected = [CHECK_STREAMS, READ_BROADCASTS].flatMap(({ name }) => [name, `for all: ${name}`]);
      await expectReceived(sessionId, expected);
    });
  });

  describe('with replay off,', () => {
    it.each(STEPS)(
      'when the connection for commands breaks %s, an event is delivered once',
      async (_, cut) => {
        sessionId = `plain-${(sessions += 1)}`;
        const settings = { replay: false, prefix: 'plain:' };
        const [one, other] = await Promise.all([startInstance(settings), startInstance(settings)]);
        try {
          await other.manager.open(sessionId, mainOf(sessionId));
          const broken = one.commands[cut](APPEND_EVENTS.sha1);
          expect(await one.manager.sendEach([sessionId], numbers(10))).toEqual(numbers(10));
          await broken;
          await other.manager.receives(sessionId, 10);
          await new Promise((resolve) => setTimeout(resolve, 50));
          expect((await other.manager.read(sessionId)).data).toEqual(numbers(10));
        } finally {
          await Promise.all([one.manager.kill(), other.manager.kill()]);
        }
      },
    );
  });

  describe('when the connection for messages breaks,', () => {
    it('P2 what was sent meanwhile arrives, once and in order', async () => {
      sessionId = `messages-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      const sent = Promise.all([
        sender.manager.sendEach([sessionId], numbers(200, 'own '), 1),
        sender.manager.sendEach(null, numbers(200, 'all '), 1),
      ]);
      for (let cuts = 0; cuts < 5; cuts += 1) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        holder.messages.cut();
        sender.messages.cut();
      }
      expect(await sent).toEqual([numbers(200, 'own '), numbers(200, 'all ')]);
      const { data, comments } = await holder.manager.receives(sessionId, 400);
      expect(data.filter((text) => text.startsWith('own'))).toEqual(numbers(200, 'own '));
      expect(data.filter((text) => text.startsWith('all'))).toEqual(numbers(200, 'all '));
      expect(comments).toEqual([]);
    });

    it('P2 a session that is deleted meanwhile ends, and does not come back', async () => {
      sessionId = `deleted-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      holder.messages.cut();
      await sender.manager.call('delete', sessionId);
      await eventually('the end', async () => (await holder.manager.read(sessionId)).closed);
      expect(await sender.manager.has(sessionId)).toBe(false);
      expect(await server.command('exists', `mcp:stream:session:{${sessionId}}:streams`)).toBe(0);
    });

    it('P2 a stream that is taken over meanwhile ends where it was', async () => {
      sessionId = `taken-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      holder.messages.cut();
      await sender.manager.open(sessionId, mainOf(sessionId));
      await eventually('the end', async () => (await holder.manager.read(sessionId)).closed);
      await holder.manager.send([sessionId], '1');
      expect((await sender.manager.receives(sessionId, 1)).data).toEqual(['1']);
    });

    it('P2 a stream that is closed from another instance meanwhile ends where it was', async () => {
      sessionId = `dismissed-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      await sender.manager.send([sessionId], '1');
      await expectReceived(sessionId, ['1']);
      holder.messages.mute();
      await sender.manager.call('release', mainOf(sessionId));
      await sender.manager.send([sessionId], '2');
      await eventually('the end', async () => (await holder.manager.read(sessionId)).closed);
      await sender.manager.open(sessionId, mainOf(sessionId));
      expect((await sender.manager.receives(sessionId, 1)).data).toEqual(['2']);
      await expectReceived(sessionId, ['1']);
    });

    it('P2 a subscription that goes quiet without a sign is noticed and renewed', async () => {
      sessionId = `quiet-${(sessions += 1)}`;
      await holder.manager.open(sessionId, mainOf(sessionId));
      holder.messages.mute();
      const data = numbers(30);
      expect(await sender.manager.sendEach([sessionId], data, 100)).toEqual(data);
      await expectReceived(sessionId, data);
      const { accepted } = holder.messages;
      await sender.manager.send([sessionId], '31');
      await expectReceived(sessionId, numbers(31));
      expect(holder.messages.accepted).toBe(accepted);
    });
  });
});
