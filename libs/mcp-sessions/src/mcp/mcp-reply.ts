import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Response } from 'express';
import { EMPTY, of, type Observable, type Observer } from 'rxjs';
import { JSON_TYPE, SSE_TYPE } from './media-type.js';

/** What a controller answers: a head, and the encoded frames of the body as they come. */
export interface McpReply {
  status: number;
  headers: Record<string, string>;
  frames: Observable<Uint8Array>;
  /** Whether the head goes out at once, ahead of the first frame, which may be long in coming. */
  headFirst?: boolean;
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

const SSE_HEADERS = {
  'Content-Type': SSE_TYPE,
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};

/** An SSE stream, with the headers that keep proxies from holding back or changing what passes. */
export function sseReply(frames: Observable<Uint8Array>, { headFirst = false } = {}): McpReply {
  return { status: 200, headers: SSE_HEADERS, frames, headFirst };
}

/**
 * Writes a reply to the response: the one place that does. A client that hangs up unsubscribes.
 */
export function writeReply({ status, headers, frames, headFirst }: McpReply, response: Response): void {
  response.statusCode = status;
  for (const name in headers) response.setHeader(name, headers[name]!);
  if (headFirst) response.flushHeaders();
  const subscription = frames.subscribe(new ResponseWriter(response));
  if (response.closed || response.destroyed) subscription.unsubscribe();
  else response.once('close', () => subscription.unsubscribe());
}

class ResponseWriter implements Observer<Uint8Array> {
  /** Where the body goes once the head is out, see {@link plainSocketOf}. */
  private socket: Socket | undefined;

  constructor(private readonly response: Response) {}

  /** An empty frame sends the head alone. */
  next(frame: Uint8Array): void {
    this.socket ??= plainSocketOf(this.response);
    if (this.socket && frame.length > 0) this.socket.write(httpChunk(frame));
    else if (frame.length > 0) this.response.write(frame);
    else this.response.flushHeaders();
  }

  complete(): void {
    this.response.end();
  }

  /** Cuts the connection off: the client has to see that the body is not whole. */
  error(): void {
    this.response.destroy();
  }
}

/**
 * The socket, if bytes of the body can go straight to it: the head is out, nobody has put a `write` of their own in
 * front of ours, and the response is not waiting behind another one on the same connection.
 */
function plainSocketOf(response: Response): Socket | undefined {
  const isPlain = response.chunkedEncoding && response.write === ServerResponse.prototype.write;
  return isPlain && response.headersSent ? (response.socket ?? undefined) : undefined;
}

const CRLF = '\r\n';

/** One chunk, not empty, of `Transfer-Encoding: chunked` (RFC 9112, 7.1): one write, where `response.write` makes four. */
function httpChunk(frame: Uint8Array): Buffer {
  const size = frame.length.toString(16) + CRLF;
  const chunk = Buffer.allocUnsafe(size.length + frame.length + CRLF.length);
  chunk.write(size, 'latin1');
  chunk.set(frame, size.length);
  chunk.write(CRLF, size.length + frame.length, 'latin1');
  return chunk;
}
