import { randomBytes } from 'node:crypto';
import type { JsonRpcRequest, JsonRpcResponse } from './json-rpc.js';
import type { JsonRpcMessage, RequestId } from './mcp-server.interface.js';

interface OutboundRequest {
  /** The id that the server object gave: each object counts from 0. */
  originalId: RequestId;
  originalToken: unknown;
}

/**
 * The requests that this instance's server object sent the client of one session and that have no answer yet.
 * Server objects of one session number their requests alike on every instance, so each goes out under an id that
 * is unique in the cluster, and what comes back is mapped to the original.
 */
export class OutboundRequests {
  private readonly prefix = randomBytes(9).toString('base64url');
  private readonly pending = new Map<RequestId, OutboundRequest>();
  private sent = 0;

  get size(): number {
    return this.pending.size;
  }

  /** @returns the request as it goes to the client */
  register(request: JsonRpcRequest): JsonRpcRequest {
    this.sent += 1;
    const id = `${this.prefix}-${this.sent}`;
    const meta = request.params?._meta as { progressToken?: unknown } | undefined;
    const originalToken = meta?.progressToken;
    this.pending.set(id, { originalId: request.id, originalToken });
    if (originalToken === undefined) return { ...request, id };
    return { ...request, id, params: { ...request.params, _meta: { ...meta, progressToken: id } } };
  }

  /** Takes the request that this answers. @returns the answer under the original id, or `undefined` if none waits */
  settle(response: JsonRpcResponse): JsonRpcResponse | undefined {
    const request = this.pending.get(response.id);
    if (!request) return undefined;
    this.pending.delete(response.id);
    return { ...response, id: request.originalId };
  }

  /** A `notifications/cancelled` of the server object, with the id that the client knows. */
  cancel(notification: JsonRpcMessage): JsonRpcMessage {
    const cancelled = notification.params?.requestId;
    for (const [id, request] of this.pending) {
      if (request.originalId !== cancelled) continue;
      this.pending.delete(id);
      return { ...notification, params: { ...notification.params, requestId: id } };
    }
    return notification;
  }

  /** A `notifications/progress` of the client, with the token that the server object gave; `undefined` if it gave none. */
  restoreProgressToken(notification: JsonRpcMessage): JsonRpcMessage | undefined {
    const request = this.pending.get(notification.params?.progressToken as RequestId);
    if (request?.originalToken === undefined) return undefined;
    return { ...notification, params: { ...notification.params, progressToken: request.originalToken } };
  }

  clear(): void {
    this.pending.clear();
  }
}
