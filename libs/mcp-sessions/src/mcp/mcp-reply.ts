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
  constructor(private readonly response: Response) {}

  /** An empty frame sends the head alone. */
  next(frame: Uint8Array): void {
    const { response } = this;
    if (frame.length === 0) response.flushHeaders();
    else if (isPlainStream(response)) response.socket.write(httpChunk(frame));
    else response.write(frame);
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
 * Whether bytes of the body can go straight to the socket: the head is out, nobody has put a `write` of their own in
 * front of ours, and the response is not waiting behind another one on the same connection.
 */
function isPlainStream(response: Response): response is Response & { socket: Socket } {
  return (
    response.headersSent &&
    response.chunkedEncoding &&
    response.socket !== null &&
    response.write === ServerResponse.prototype.write
  );
}

const CRLF = '\r\n';

/** One chunk of `Transfer-Encoding: chunked` (RFC 9112, 7.1): one write, where `response.write` makes four. */
function httpChunk(frame: Uint8Array): Buffer {
  const size = frame.length.toString(16) + CRLF;
  const chunk = Buffer.allocUnsafe(size.length + frame.length + CRLF.length);
  chunk.write(size, 'latin1');
  chunk.set(frame, size.length);
  chunk.write(CRLF, size.length + frame.length, 'latin1');
  return chunk;
}
