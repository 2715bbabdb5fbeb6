import type { Response } from 'express';
import { EMPTY, of, type Observable } from 'rxjs';
import { JSON_TYPE, SSE_TYPE } from './media-type.js';

/** What a controller answers: a head, and the encoded frames of the body as they come. */
export interface McpReply {
  status: number;
  headers: Record<string, string>;
  frames: Observable<Uint8Array>;
}

/** An answer without a body. */
export function emptyReply(status: number): McpReply {
  return { status, headers: {}, frames: EMPTY };
}

/** An answer with one JSON body. */
export function jsonReply(status: number, body: unknown, headers: Record<string, string> = {}): McpReply {
  return {
    status,
    headers: { 'Content-Type': JSON_TYPE, ...headers },
    frames: of(Buffer.from(JSON.stringify(body))),
  };
}

/** An SSE stream, with the headers that keep proxies from holding back or changing what passes. */
export function sseReply(frames: Observable<Uint8Array>, headers: Record<string, string> = {}): McpReply {
  return {
    status: 200,
    headers: {
      'Content-Type': SSE_TYPE,
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
      ...headers,
    },
    frames,
  };
}

/**
 * Writes a reply to the response: the one place that does. An empty frame sends the head alone; a failed stream
 * cuts the connection off; a client that hangs up unsubscribes.
 */
export function writeReply({ status, headers, frames }: McpReply, response: Response): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const subscription = frames.subscribe({
    next: (frame) => {
      if (frame.length > 0) response.write(frame);
      else response.flushHeaders();
    },
    complete: () => response.end(),
    error: () => response.destroy(),
  });
  if (response.closed || response.destroyed) subscription.unsubscribe();
  else response.once('close', () => subscription.unsubscribe());
}
