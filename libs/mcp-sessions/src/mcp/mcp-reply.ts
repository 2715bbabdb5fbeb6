import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Response } from 'express';
import { EMPTY, of, type Observable, type Observer } from 'rxjs';
import { JSON_TYPE, SSE_TYPE } from './media-type.js';

/** Encoded bytes; as a string, each of its characters is one byte (`latin1`), which costs no buffer to join and write. */
export type Frame = Uint8Array | string;

/** What a controller answers: a head, and the encoded frames of the body as they come. */
export interface McpReply {
  status: number;
  headers: Record<string, string>;
  frames: Observable<Frame>;
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
export function sseReply(frames: Observable<Frame>, { headFirst = false } = {}): McpReply {
  return { status: 200, headers: SSE_HEADERS, frames, headFirst };
}

/**
 * Writes a reply to the response: the one place that does. Frames that are still to come end when the response
 * closes: whoever makes them sees to that.
 */
export function writeReply({ status, headers, frames, headFirst }: McpReply, response: Response): void {
  response.statusCode = status;
  for (const name in headers) response.setHeader(name, headers[name]!);
  if (headFirst) {
    response.flushHeaders();
    // Express keeps the state of its routing here, which nobody asks for once there is an answer: 700 bytes per stream.
    response.req.next = undefined;
  }
  frames.subscribe(new ResponseWriter(response));
}

class ResponseWriter implements Observer<Frame> {
  /** Where the body goes once the head is out, see {@link plainSocketOf}. */
  private socket: Socket | undefined;

  constructor(private readonly response: Response) {}

  /** An empty frame sends the head alone. */
  next(frame: Frame): void {
    const { response } = this;
    if (response.writableEnded) return; // Somebody else has ended it: writing on would be an error nobody catches.
    if (frame.length === 0) {
      if (!response.headersSent) response.flushHeaders();
      return;
    }
    this.socket ??= plainSocketOf(response);
    if (this.socket) this.socket.write(httpChunk(frame), 'latin1');
    else response.write(typeof frame === 'string' ? Buffer.from(frame, 'latin1') : frame);
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
function httpChunk(frame: Frame): string {
  const bytes = typeof frame === 'string' ? frame : Buffer.from(frame).toString('latin1');
  return bytes.length.toString(16) + CRLF + bytes + CRLF;
}
