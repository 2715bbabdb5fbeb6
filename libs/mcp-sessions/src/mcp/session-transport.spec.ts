import { describe, expect, it } from '@jest/globals';
import { InMemoryStreamManager } from '../streams/in-memory-stream-manager.js';
import type { JsonRpcMessage, RequestId } from './mcp-server.interface.js';
import type { Reply } from './reply.js';
import { SessionTransport, type RequestObserver } from './session-transport.js';

const observer: RequestObserver = { refusal: () => undefined, answered: async () => undefined };

/** Takes no answer. */
class BrokenReply implements Reply {
  readonly tried: RequestId[] = [];

  async send({ id }: JsonRpcMessage): Promise<boolean> {
    this.tried.push(id!);
    throw new Error(`No answer to ${id}`);
  }

  async cancel(): Promise<void> {}
}

describe('SessionTransport', () => {
  it('tries to answer every request when it closes, and then reports those that it could not answer', async () => {
    const transport = new SessionTransport('session', new InMemoryStreamManager(), observer, 10);
    const reply = new BrokenReply();
    for (const id of [1, 2, 3]) {
      await transport.receive({ jsonrpc: '2.0', id, method: 'tools/call' }, {}, reply);
    }
    const failure = await transport.close().catch((error: unknown) => error);
    expect(reply.tried).toEqual([1, 2, 3]);
    expect((failure as AggregateError).errors.map(String)).toEqual([
      'Error: No answer to 1',
      'Error: No answer to 2',
      'Error: No answer to 3',
    ]);
  });
});
