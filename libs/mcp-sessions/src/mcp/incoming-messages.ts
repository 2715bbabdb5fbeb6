import { invalidRequest } from './mcp-request.errors.js';
import { isJsonRpcMessage, isRequest } from './json-rpc.js';
import type { JsonRpcMessage, RequestId } from './mcp-server.interface.js';
import { hasBatches } from './protocol-version.js';

/** The messages of one POST. */
export interface IncomingMessages {
  messages: JsonRpcMessage[];
  isBatch: boolean;
}

/** @throws McpRequestError 400 `-32600`: not JSON-RPC messages, an empty batch, or too large a one */
export function parseMessages(body: unknown, maxBatch: number): IncomingMessages {
  const isBatch = Array.isArray(body);
  const messages: unknown[] = isBatch ? body : [body];
  if (messages.length === 0) throw invalidRequest('Invalid Request: the batch is empty');
  if (messages.length > maxBatch)
    throw invalidRequest(`Invalid Request: a batch has at most ${maxBatch} messages`);
  if (!messages.every(isJsonRpcMessage)) throw invalidRequest('Invalid Request: not a JSON-RPC 2.0 message');
  return { messages, isBatch };
}

/** @throws McpRequestError 400 `-32600`: a batch in a session whose revision has none, or a repeated id in it */
export function assertBatchAllowed(
  { messages, isBatch }: IncomingMessages,
  negotiated: string | undefined,
): void {
  if (!isBatch) return;
  if (!hasBatches(negotiated)) throw invalidRequest('Invalid Request: this protocol version has no batches');
  if (messages.some((message) => message.method === 'initialize')) {
    throw invalidRequest('Invalid Request: initialize must not be part of a batch');
  }
  const ids = requestIds(messages);
  if (new Set(ids).size < ids.length)
    throw invalidRequest('Invalid Request: a request id is used twice in the batch');
}

export function requestIds(messages: JsonRpcMessage[]): RequestId[] {
  return messages.filter(isRequest).map((request) => request.id);
}
