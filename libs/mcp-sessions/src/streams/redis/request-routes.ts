import { randomBytes } from 'node:crypto';
import { ExpiryQueue } from '../../common/expiry-queue.js';
import type { RedisConnection } from '../../redis/redis-connection.interface.js';
import { CLAIM_REQUEST } from '../../redis/scripts/claim-request.lua.js';
import { REGISTER_REQUEST } from '../../redis/scripts/register-request.lua.js';
import { TAKE_ANSWERS } from '../../redis/scripts/take-answers.lua.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { inBatches } from './in-batches.js';
import { repeatedCall } from './repeated-call.js';
import type { RedisStreamSettings } from './settings.js';

/** How long an answer is waited for, in milliseconds. */
const REQUEST_LIFETIME_MS = 300_000;
/** Requests that one script looks for answers to. */
const REQUESTS_PER_SCRIPT = 200;

/** A request that this instance sent a client. */
interface AskedRequest {
  sessionId: string;
  session: string;
  request: string;
  deadline: number;
}

type Handler = (message: unknown, sessionId: string) => void;

/** Brings clients' answers to the instance that asked, whichever instance they land on: each one once. */
export class RequestRoutes {
  private readonly asked = new Map<string, AskedRequest>();
  private readonly handlers: Handler[] = [];
  private readonly expiry = new ExpiryQueue<string>(
    (address) => this.asked.get(address)?.deadline,
    (address) => this.asked.delete(address),
  );

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
  ) {}

  onAnswer(handler: Handler): void {
    this.handlers.push(handler);
  }

  async register(requestId: string | number, sessionId: string): Promise<void> {
    const session = this.keys.encode(sessionId);
    const request = this.encodeId(requestId);
    const address = `${session} ${request}`;
    this.asked.set(address, { sessionId, session, request, deadline: Date.now() + REQUEST_LIFETIME_MS });
    this.expiry.watch(address);
    const args = [request, this.settings.instanceId, REQUEST_LIFETIME_MS];
    try {
      await repeatedCall(this.redis, () =>
        this.redis.run(REGISTER_REQUEST, [this.keys.requests(session)], args),
      );
    } catch (error) {
      this.asked.delete(address); // whoever wanted to ask does not
      throw error;
    }
  }

  /** @returns whether the answer went to another instance */
  async forward(
    message: { id: string | number; [key: string]: unknown },
    sessionId: string,
  ): Promise<boolean> {
    const session = this.keys.encode(sessionId);
    const request = this.encodeId(message.id);
    const claim = randomBytes(9).toString('base64url');
    const args = [
      ...[session, request, this.settings.instanceId, this.keys.channelPrefix],
      ...[JSON.stringify(message), claim],
    ];
    const keys = [this.keys.requests(session)];
    const claimed = await repeatedCall(this.redis, () => this.redis.run(CLAIM_REQUEST, keys, args));
    // The answer to a request of this instance's own is here, and need not be waited for any more.
    if (claimed === 0) this.asked.delete(`${session} ${request}`);
    return claimed === 1;
  }

  /** Takes an answer that another instance sent. */
  async receive(session: string, request: string, answer: string): Promise<void> {
    const address = `${session} ${request}`;
    const asked = this.asked.get(address);
    if (!asked) return;
    this.asked.delete(address);
    for (const handler of this.handlers) handler(JSON.parse(answer), asked.sessionId);
    const key = this.keys.requests(session);
    await this.redis.command(key, 'HDEL', key, request);
  }

  /** Picks up the answers whose messages were missed. */
  async catchUp(): Promise<void> {
    // In a Cluster, a script touches the keys of one session only.
    const size = this.redis.isCluster ? 1 : REQUESTS_PER_SCRIPT;
    await inBatches([...this.asked.values()], size, async (batch) => {
      const keys = batch.map(({ session }) => this.keys.requests(session));
      const ids = batch.map(({ request }) => request);
      const answers = (await this.redis.run(TAKE_ANSWERS, keys, ids)) as (string | null)[];
      for (const [index, { session, request }] of batch.entries()) {
        const answer = answers[index];
        if (typeof answer === 'string') await this.receive(session, request, answer);
      }
    });
  }

  close(): void {
    this.asked.clear();
    this.expiry.clear();
  }

  /** The number 1 and the text "1" are different ids. */
  private encodeId(requestId: string | number): string {
    return typeof requestId === 'number' ? `n${requestId}` : `s${this.keys.encode(requestId)}`;
  }
}
