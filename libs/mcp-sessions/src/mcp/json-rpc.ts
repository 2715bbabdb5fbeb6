import type { JsonRpcMessage, RequestId } from './mcp-server.interface.js';

/** JSON-RPC error codes, and those that the MCP SDKs use for HTTP errors. */
export const JsonRpcErrorCode = {
  ParseError: -32700,
  InvalidRequest: -32600,
  InvalidParams: -32602,
  InternalError: -32603,
  /** The SDKs' code for whatever the HTTP layer refuses. */
  ServerError: -32000,
  SessionNotFound: -32001,
} as const;

export type JsonRpcRequest = JsonRpcMessage & { id: RequestId; method: string };
export type JsonRpcNotification = JsonRpcMessage & { method: string };
export type JsonRpcResponse = JsonRpcMessage & { id: RequestId };

export function isRequest(message: JsonRpcMessage): message is JsonRpcRequest {
  return message.method !== undefined && message.id !== undefined;
}

export function isNotification(message: JsonRpcMessage): message is JsonRpcNotification {
  return message.method !== undefined && message.id === undefined;
}

/** A response. The id is missing from an error that answers no request in particular. */
export function isResponse(message: JsonRpcMessage): message is JsonRpcResponse {
  return message.method === undefined;
}

export function isErrorResponse(message: JsonRpcMessage): boolean {
  return message.error !== undefined;
}

/** A JSON-RPC error response. `id` is `null` when the request's id is not known. */
export function errorResponse(id: RequestId | null, code: number, message: string): JsonRpcMessage {
  return { jsonrpc: '2.0', id, error: { code, message } };
}

/** The answer to a request whose answer is gone. */
export function lostResponse(id: RequestId): JsonRpcMessage {
  return errorResponse(id, JsonRpcErrorCode.ServerError, 'The response was lost; send the request again');
}

/** Whether a value from outside is a request, a notification or a response (MCP 2025-11-25, basic, Messages). */
export function isJsonRpcMessage(value: unknown): value is JsonRpcMessage {
  if (!isObject(value) || value.jsonrpc !== '2.0') return false;
  const { id, method, params, result, error } = value;
  const isUnattributedError = method === undefined && error !== undefined && id === null;
  if (id !== undefined && !isRequestId(id) && !isUnattributedError) return false;
  if (method !== undefined) {
    return typeof method === 'string' && (params === undefined || isObject(params)) && !('result' in value);
  }
  if (error === undefined) return id !== undefined && isObject(result);
  return (
    result === undefined &&
    isObject(error) &&
    Number.isInteger(error.code) &&
    typeof error.message === 'string'
  );
}

function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' || Number.isInteger(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
