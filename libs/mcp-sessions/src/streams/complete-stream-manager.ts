import { InvalidEventIdError } from './stream-manager.errors.js';
import {
  isResumable,
  MAIN_STREAM_KEY,
  type EventId,
  type ResumableStreamManager,
  type StreamController,
  type StreamManager,
  type StreamRef,
} from './stream-manager.interface.js';

/**
 * Gives a manager with the first contract only the shape of the second: request streams live in the process that
 * serves the request, events have no ids, and nothing can be resumed. Everything else works.
 */
export function completeStreamManager(manager: StreamManager): ResumableStreamManager {
  return isResumable(manager) ? manager : new CompletedStreamManager(manager);
}

class CompletedStreamManager implements ResumableStreamManager {
  readonly registerOutboundRequest?: ResumableStreamManager['registerOutboundRequest'];
  readonly forwardInboundResponse?: ResumableStreamManager['forwardInboundResponse'];
  readonly onForwardedResponse?: ResumableStreamManager['onForwardedResponse'];
  private readonly mainStreams = new Map<string, StreamController>();
  private readonly requestStreams = new Map<string, Map<string, StreamController>>();

  constructor(private readonly manager: StreamManager) {
    this.registerOutboundRequest = manager.registerOutboundRequest?.bind(manager);
    this.forwardInboundResponse = manager.forwardInboundResponse?.bind(manager);
    this.onForwardedResponse = manager.onForwardedResponse?.bind(manager);
  }

  create(sessionId: string, controller: StreamController): Promise<void> {
    this.mainStreams.set(sessionId, controller);
    return this.manager.create(sessionId, controller);
  }

  send(sessionIds: string[] | undefined, data: string): Promise<void> {
    return this.manager.send(sessionIds, data);
  }

  has(sessionId: string): Promise<boolean> {
    return this.manager.has(sessionId);
  }

  async delete(sessionId: string): Promise<void> {
    for (const controller of this.requestStreams.get(sessionId)?.values() ?? []) controller.close();
    this.requestStreams.delete(sessionId);
    this.mainStreams.delete(sessionId);
    await this.manager.delete(sessionId);
  }

  async close(): Promise<void> {
    for (const streams of this.requestStreams.values())
      for (const controller of streams.values()) controller.close();
    this.requestStreams.clear();
    this.mainStreams.clear();
    await this.manager.close?.();
  }

  async open({ sessionId, key }: StreamRef, controller: StreamController): Promise<void> {
    if (key === MAIN_STREAM_KEY) return this.create(sessionId, controller);
    const streams = this.requestStreams.get(sessionId) ?? new Map<string, StreamController>();
    this.requestStreams.set(sessionId, streams.set(key, controller));
  }

  async append(stream: StreamRef, data: string, { last = false } = {}): Promise<EventId> {
    if (stream.key === MAIN_STREAM_KEY) {
      await this.manager.send([stream.sessionId], data);
      return '';
    }
    const controller = this.requestStreams.get(stream.sessionId)?.get(stream.key);
    controller?.enqueue(Buffer.from(data));
    if (last) await this.release(stream);
    return '';
  }

  async position(): Promise<EventId> {
    return '';
  }

  streamOf(): StreamRef {
    throw new InvalidEventIdError();
  }

  async release({ sessionId, key }: StreamRef, controller?: StreamController): Promise<void> {
    if (key === MAIN_STREAM_KEY) {
      if (controller && this.mainStreams.get(sessionId) !== controller) return;
      this.mainStreams.delete(sessionId);
      return this.manager.delete(sessionId);
    }
    const streams = this.requestStreams.get(sessionId);
    const held = streams?.get(key);
    if (!streams || !held || (controller && held !== controller)) return;
    streams.delete(key);
    if (streams.size === 0) this.requestStreams.delete(sessionId);
    held.close();
  }
}
