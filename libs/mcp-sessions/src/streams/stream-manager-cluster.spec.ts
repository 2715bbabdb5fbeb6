import { describe, it } from '@jest/globals';
import { streamManagerContract } from '../testing/stream-manager.contract.js';
import { InMemoryStreamManager } from './in-memory-stream-manager.js';
import {
  MAIN_STREAM_KEY,
  type EventId,
  type OpenStreamOptions,
  type ResumableStreamManager,
  type StreamController,
  type StreamRef,
} from './stream-manager.interface.js';

type Answer = { id: string | number; [key: string]: unknown };

/** What the instances of the cluster below share. */
class Shared {
  readonly streams = new InMemoryStreamManager();
  readonly asked = new Map<string, Instance>();
}

/** An instance of the simplest cluster there is: one that lives in one process. */
class Instance implements ResumableStreamManager {
  private readonly held: [StreamRef, StreamController][] = [];
  private handler: ((message: unknown, sessionId: string) => void) | undefined;

  constructor(readonly shared = new Shared()) {}

  create(sessionId: string, controller: StreamController): Promise<void> {
    return this.open({ sessionId, key: MAIN_STREAM_KEY }, controller);
  }

  async open(stream: StreamRef, controller: StreamController, options?: OpenStreamOptions): Promise<void> {
    await this.shared.streams.open(stream, controller, options);
    this.held.push([stream, controller]);
  }

  append(stream: StreamRef, data: string, options?: { last?: boolean }): Promise<EventId> {
    return this.shared.streams.append(stream, data, options);
  }

  position(stream: StreamRef): Promise<EventId> {
    return this.shared.streams.position(stream);
  }

  streamOf(sessionId: string, eventId: EventId): StreamRef {
    return this.shared.streams.streamOf(sessionId, eventId);
  }

  release(stream: StreamRef, controller?: StreamController): Promise<void> {
    return this.shared.streams.release(stream, controller);
  }

  send(sessionIds: string[] | undefined, data: string): Promise<void> {
    return this.shared.streams.send(sessionIds, data);
  }

  delete(sessionId: string): Promise<void> {
    return this.shared.streams.delete(sessionId);
  }

  has(sessionId: string): Promise<boolean> {
    return this.shared.streams.has(sessionId);
  }

  async close(): Promise<void> {
    for (const [stream, controller] of this.held.splice(0)) await this.release(stream, controller);
  }

  async registerOutboundRequest(requestId: string | number, sessionId: string): Promise<void> {
    this.shared.asked.set(JSON.stringify([sessionId, requestId]), this);
  }

  async forwardInboundResponse(message: Answer, sessionId: string): Promise<boolean> {
    const request = JSON.stringify([sessionId, message.id]);
    const asker = this.shared.asked.get(request);
    this.shared.asked.delete(request);
    if (!asker || asker === this) return false;
    asker.handler?.(message, sessionId);
    return true;
  }

  onForwardedResponse(handler: (message: unknown, sessionId: string) => void): void {
    this.handler = handler;
  }
}

streamManagerContract(
  { describe, it },
  {
    name: 'A cluster in one process',
    create: () => new Instance(),
    createPeer: (manager) => new Instance((manager as Instance).shared),
    replay: false,
  },
);
