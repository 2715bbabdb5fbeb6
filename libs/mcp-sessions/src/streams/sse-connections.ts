import { Tally } from '../common/tally.js';
import { KEEP_ALIVE_COMMENT, retryFrame } from './sse-frame.js';
import { SseConnection, type SseResponse } from './sse-connection.js';
import type { StreamRef } from './stream-manager.interface.js';

const KEEP_ALIVE_CHUNK = Buffer.from(KEEP_ALIVE_COMMENT);

/** Settings of {@link SseConnections}. */
export interface SseConnectionsConfig {
  /** How long a connection may idle before it is sent a keep-alive comment, in milliseconds. */
  keepAliveMs: number;
  /** Bytes that may wait for a slow reader. */
  maxBufferedBytes: number;
}

/**
 * The SSE connections of this instance: one timer keeps all of them alive, and one task at the end of a tick
 * writes out what is due to any of them.
 */
export class SseConnections {
  private readonly open = new Set<SseConnection>();
  private readonly perSession = new Tally();
  private readonly perPrincipal = new Tally();
  private readonly due = new Set<SseConnection>();
  private flushTask: NodeJS.Immediate | undefined;
  private keepAliveTimer: NodeJS.Timeout | undefined;

  constructor(private readonly config: SseConnectionsConfig) {}

  get size(): number {
    return this.open.size;
  }

  get maxBufferedBytes(): number {
    return this.config.maxBufferedBytes;
  }

  sizeOfSession(sessionId: string): number {
    return this.perSession.of(sessionId);
  }

  sizeOfPrincipal(principal: string): number {
    return this.perPrincipal.of(principal);
  }

  /** Sessions that have an open connection here. */
  sessionIds(): IterableIterator<string> {
    return this.perSession.keys();
  }

  /** @param onEnd called once the connection has ended, whoever ended it */
  add(
    stream: StreamRef,
    principal: string | undefined,
    response: SseResponse,
    onEnd: (connection: SseConnection) => void,
  ): SseConnection {
    const connection = new SseConnection(stream, principal, this, response, onEnd);
    this.open.add(connection);
    this.perSession.add(stream.sessionId);
    if (principal !== undefined) this.perPrincipal.add(principal);
    // Two rounds per interval: the first sees that a connection has idled, the second keeps it alive.
    this.keepAliveTimer ??= setInterval(() => this.keepAlive(), this.config.keepAliveMs / 2).unref();
    return connection;
  }

  /** Ends every connection; each client is told a different time to come back, up to `spreadMs` from now. */
  endAll(retryMs: number, spreadMs: number, random: () => number = Math.random): void {
    for (const connection of [...this.open]) {
      if (!this.open.has(connection)) continue; // It ended with another one.
      // A slow reader is not written to: it is cut off.
      if (connection.desiredSize > 0) {
        connection.enqueue(Buffer.from(retryFrame(Math.round(retryMs + random() * spreadMs))));
      }
      connection.close();
    }
  }

  scheduleFlush(connection: SseConnection): void {
    this.due.add(connection);
    this.flushTask ??= setImmediate(() => this.flushDue());
  }

  ended(connection: SseConnection): void {
    this.due.delete(connection);
    if (!this.open.delete(connection)) return;
    const { stream, principal } = connection;
    this.perSession.remove(stream.sessionId);
    if (principal !== undefined) this.perPrincipal.remove(principal);
    if (this.open.size === 0) {
      clearInterval(this.keepAliveTimer);
      this.keepAliveTimer = undefined;
    }
  }

  private flushDue(): void {
    this.flushTask = undefined;
    const due = [...this.due];
    this.due.clear();
    for (const connection of due) connection.flush();
  }

  private keepAlive(): void {
    for (const connection of this.open) {
      if (connection.active) connection.active = false;
      else if (connection.desiredSize > 0) connection.enqueue(KEEP_ALIVE_CHUNK);
    }
  }
}
