import { endConnection, isSlow, tryEnqueue } from './replay.js';
import { bytesOf } from './sse-frame.js';
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

/** The connection of a main stream; knows whether the manager has ended it. */
class MainConnection implements StreamController {
  constructor(
    readonly controller: StreamController,
    private readonly onClosed: (connection: MainConnection) => void,
  ) {}

  get desiredSize(): number | null | undefined {
    return this.controller.desiredSize;
  }

  enqueue(chunk: Uint8Array): void {
    this.controller.enqueue(chunk);
  }

  close(): void {
    this.onClosed(this);
    this.controller.close();
  }
}

class CompletedStreamManager implements ResumableStreamManager {
  readonly registerOutboundRequest?: ResumableStreamManager['registerOutboundRequest'];
  readonly forwardInboundResponse?: ResumableStreamManager['forwardInboundResponse'];
  readonly onForwardedResponse?: ResumableStreamManager['onForwardedResponse'];
  private readonly mainStreams = new Map<string, MainConnection>();
  private readonly requestStreams = new Map<string, Map<string, StreamController>>();

  constructor(private readonly manager: StreamManager) {
    this.registerOutboundRequest = manager.registerOutboundRequest?.bind(manager);
    this.forwardInboundResponse = manager.forwardInboundResponse?.bind(manager);
    this.onForwardedResponse = manager.onForwardedResponse?.bind(manager);
  }

  async create(sessionId: string, controller: StreamController): Promise<void> {
    const former = this.mainStreams.get(sessionId);
    const connection = new MainConnection(controller, (closed) => this.forgetMain(sessionId, closed));
    this.mainStreams.set(sessionId, connection);
    try {
      await this.manager.create(sessionId, connection);
    } catch (error) {
      if (this.mainStreams.get(sessionId) === connection) {
        if (former) this.mainStreams.set(sessionId, former);
        else this.mainStreams.delete(sessionId);
      }
      throw error;
    }
  }

  send(sessionIds: string[] | undefined, data: string): Promise<void> {
    return this.manager.send(sessionIds, data);
  }

  has(sessionId: string): Promise<boolean> {
    return this.manager.has(sessionId);
  }

  async delete(sessionId: string): Promise<void> {
    const requests = this.requestStreams.get(sessionId);
    this.requestStreams.delete(sessionId);
    this.mainStreams.delete(sessionId);
    for (const controller of requests?.values() ?? []) endConnection(controller);
    await this.manager.delete(sessionId);
  }

  async close(): Promise<void> {
    const requests = [...this.requestStreams.values()].flatMap((streams) => [...streams.values()]);
    this.requestStreams.clear();
    this.mainStreams.clear();
    for (const controller of requests) endConnection(controller);
    await this.manager.close?.();
  }

  async open({ sessionId, key }: StreamRef, controller: StreamController): Promise<void> {
    if (key === MAIN_STREAM_KEY) return this.create(sessionId, controller);
    const streams = this.requestStreams.get(sessionId) ?? new Map<string, StreamController>();
    const former = streams.get(key);
    this.requestStreams.set(sessionId, streams.set(key, controller));
    if (former !== controller) endConnection(former);
  }

  async append(stream: StreamRef, data: string, { last = false } = {}): Promise<EventId> {
    if (stream.key === MAIN_STREAM_KEY) {
      await this.manager.send([stream.sessionId], data);
      return '';
    }
    const controller = this.requestStreams.get(stream.sessionId)?.get(stream.key);
    // A connection that is gone or too slow takes its stream with it: nothing can be resumed here.
    const taken = controller && !isSlow(controller) && tryEnqueue(controller, bytesOf(data));
    if (controller && !taken) await this.release(stream, controller);
    if (last) await this.release(stream);
    return '';
  }

  async position(): Promise<EventId> {
    return '';
  }

  streamOf(): StreamRef {
    throw new InvalidEventIdError();
  }

  /**
   * The first contract cannot let go of a connection, only of the session's stream wherever it is. So it is asked to
   * only while, as far as it has said, the connection still holds the stream: else a successor elsewhere would end.
   */
  async release({ sessionId, key }: StreamRef, controller?: StreamController): Promise<void> {
    if (key === MAIN_STREAM_KEY) {
      if (controller && this.mainStreams.get(sessionId)?.controller !== controller) return;
      this.mainStreams.delete(sessionId);
      return this.manager.delete(sessionId);
    }
    const streams = this.requestStreams.get(sessionId);
    const held = streams?.get(key);
    if (!streams || !held || (controller && held !== controller)) return;
    streams.delete(key);
    if (streams.size === 0) this.requestStreams.delete(sessionId);
    endConnection(held);
  }

  private forgetMain(sessionId: string, connection: MainConnection): void {
    if (this.mainStreams.get(sessionId) === connection) this.mainStreams.delete(sessionId);
  }
}
