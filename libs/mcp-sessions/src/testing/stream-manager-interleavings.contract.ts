import assert from 'node:assert/strict';
import {
  MAIN_STREAM_KEY,
  type EventId,
  type ResumableStreamManager,
  type StreamRef,
} from '../streams/stream-manager.interface.js';
import { eventually } from './eventually.js';
import { RecordingConnection } from './recording-connection.js';
import { SeededRandom } from './seeded-random.js';
import type { ManagerCase, StreamManagerContractOptions } from './stream-manager.contract.js';
import { EVENTS_LOST, frame } from './stream-manager-steps.js';

const STEPS = 150;
const SESSIONS = ['a', 'b', 'a:main'];
/** Beyond these, a client waits until the manager has let go of its former connection. */
const SAFE_TAKEOVERS = 4;

/** Whatever happens to the connections, every event arrives once and in order. */
export function streamManagerInterleavings(
  managerCase: ManagerCase<ResumableStreamManager>,
  { interleavings = 20, ordersBroadcasts = true }: StreamManagerContractOptions,
): void {
  for (let seed = 1; seed <= interleavings; seed += 1) {
    managerCase(
      `P2 every event arrives once and in order, whatever breaks (seed ${seed})`,
      async (manager) => {
        const interleaving = new Interleaving(manager, new SeededRandom(seed), ordersBroadcasts);
        await interleaving.start();
        for (let step = 0; step < STEPS; step += 1) await interleaving.step();
        await interleaving.finish();
      },
    );
  }
}

/** One stream and the client that follows it, over one connection after the other. */
class Follower {
  readonly expected: string[] = [];
  readonly seen: string[] = [];
  ended = false;
  private connection: RecordingConnection | undefined;
  /** Events read from the connection. */
  private read = 0;
  /** Whether the client has read all that was handed to its connections. */
  private sawAll = true;
  private takeovers = 0;
  private attached = false;

  private constructor(
    readonly stream: StreamRef,
    private readonly manager: ResumableStreamManager,
    private readonly random: SeededRandom,
    private after: EventId,
    private readonly onRead: (stream: StreamRef, id: EventId, data: string) => void,
  ) {}

  static async of(
    stream: StreamRef,
    manager: ResumableStreamManager,
    random: SeededRandom,
    onRead: (stream: StreamRef, id: EventId, data: string) => void,
  ): Promise<Follower> {
    return new Follower(stream, manager, random, await manager.position(stream), onRead);
  }

  /** Something happens to the connection. */
  async step(): Promise<void> {
    const { connection, random } = this;
    if (!connection || connection.closed || random.chance(30)) return this.connect();
    if (random.chance(40)) {
      await this.manager.release(this.stream, random.chance(50) ? connection : undefined);
      this.attached = false;
      this.leave();
    } else if (random.chance(50)) {
      connection.breaksAfter = 0;
    } else {
      connection.desiredSize = 0;
    }
  }

  /** Reads all that comes until every event has been seen. */
  async finish(): Promise<void> {
    await this.manager.release(this.stream);
    this.attached = false;
    await this.connect(new RecordingConnection());
    await eventually('all events arrive', () => {
      this.readUpTo(Infinity);
      return this.seen.length >= this.expected.length;
    }).catch(() => undefined);
    if (this.ended) await eventually('the stream ends', () => this.connection!.closed);
  }

  private async connect(connection = this.fragileConnection()): Promise<void> {
    if (this.attached && this.takeovers >= SAFE_TAKEOVERS) {
      await this.manager.release(this.stream);
      this.attached = false;
    }
    const former = this.connection;
    this.takeovers += this.attached ? 1 : 0;
    const withoutId = this.sawAll && this.random.chance(30);
    if (withoutId) {
      await this.manager.open(this.stream, connection);
      this.readUpTo(Infinity);
    } else {
      if (former) this.leave();
      await this.manager.open(this.stream, connection, { after: this.after });
      this.sawAll = true;
    }
    this.connection = connection;
    this.attached = true;
    this.read = 0;
  }

  /** The connection is over. Some of what was handed to it last may never have reached the client. */
  private leave(): void {
    const received = this.connection!.content.events.length;
    this.readUpTo(
      this.random.chance(50) ? received : this.read + this.random.below(received - this.read + 1),
    );
    this.sawAll &&= this.read === received;
    this.connection = undefined;
  }

  private readUpTo(limit: number): void {
    const { connection } = this;
    if (!connection) return;
    const { events, comments } = connection.content;
    assert.ok(!comments.includes(EVENTS_LOST), 'nothing was lost');
    for (const { id, data } of events.slice(this.read, limit)) {
      this.seen.push(data);
      this.after = id;
      this.read += 1;
      this.onRead(this.stream, id, data);
    }
  }

  private fragileConnection(): RecordingConnection {
    const connection = new RecordingConnection();
    if (this.random.chance(30)) connection.breaksAfter = this.random.below(4);
    return connection;
  }
}

class Interleaving {
  private readonly followers: Follower[] = [];
  /** What the ids of each session stand for. */
  private readonly ids = new Map<string, string>();
  private sent = 0;

  constructor(
    private readonly manager: ResumableStreamManager,
    private readonly random: SeededRandom,
    private readonly ordersBroadcasts: boolean,
  ) {}

  async start(): Promise<void> {
    for (const sessionId of SESSIONS) await this.follow({ sessionId, key: MAIN_STREAM_KEY });
  }

  async step(): Promise<void> {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 25) await this.send(SESSIONS.filter(() => random.chance(60)));
    else if (dice < 40) await this.send(undefined);
    else if (dice < 60) await this.append();
    else await random.pick(this.followers).step();
  }

  async finish(): Promise<void> {
    for (const follower of this.followers) {
      await follower.finish();
      const { seen, expected } = follower;
      if (this.ordersBroadcasts) {
        assert.deepEqual(seen, expected);
      } else {
        const isBroadcast = (data: string): boolean => data.startsWith('all');
        assert.deepEqual(seen.filter(isBroadcast), expected.filter(isBroadcast));
        assert.deepEqual(
          seen.filter((data) => !isBroadcast(data)),
          expected.filter((data) => !isBroadcast(data)),
        );
      }
    }
  }

  private async follow(stream: StreamRef): Promise<Follower> {
    const follower = await Follower.of(stream, this.manager, this.random, (...read) => this.checkId(...read));
    this.followers.push(follower);
    return follower;
  }

  private async send(sessionIds: string[] | undefined): Promise<void> {
    const events = this.events(sessionIds ? 'own' : 'all');
    for (const { stream, expected } of this.followers) {
      if (stream.key !== MAIN_STREAM_KEY || (sessionIds && !sessionIds.includes(stream.sessionId))) continue;
      expected.push(...events);
    }
    await this.manager.send(sessionIds, events.map(frame).join(''));
  }

  private async append(): Promise<void> {
    const running = this.followers.filter(({ stream, ended }) => stream.key !== MAIN_STREAM_KEY && !ended);
    const stream = { sessionId: this.random.pick(SESSIONS), key: `request ${this.followers.length}` };
    const follower =
      running.length === 0 || this.random.chance(20) ? await this.follow(stream) : this.random.pick(running);
    const events = this.events('request');
    follower.expected.push(...events);
    follower.ended = this.random.chance(25);
    await this.manager.append(follower.stream, events.map(frame).join(''), { last: follower.ended });
  }

  private events(kind: string): string[] {
    const count = this.random.chance(80) ? 1 : 2;
    return Array.from({ length: count }, () => `${kind} ${(this.sent += 1)}`);
  }

  /** An id stands for one event in its session, however often that is replayed. */
  private checkId({ sessionId }: StreamRef, id: EventId, data: string): void {
    const key = JSON.stringify([sessionId, id]);
    assert.equal(this.ids.get(key) ?? data, data, 'the id is unique in its session');
    this.ids.set(key, data);
  }
}
