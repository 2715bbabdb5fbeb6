import { McpSessionsError } from '../common/errors.js';
import { JsonRpcErrorCode } from './json-rpc.js';

/** A request that is answered with an HTTP error whose body is a JSON-RPC error. */
export class McpRequestError extends McpSessionsError {
  constructor(
    readonly status: number,
    readonly rpcCode: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super('MCP_REQUEST_REFUSED', message, options);
  }
}

export function badRequest(message: string): McpRequestError {
  return new McpRequestError(400, JsonRpcErrorCode.ServerError, message);
}

export function invalidRequest(message: string): McpRequestError {
  return new McpRequestError(400, JsonRpcErrorCode.InvalidRequest, message);
}

export function forbidden(message: string): McpRequestError {
  return new McpRequestError(403, JsonRpcErrorCode.ServerError, message);
}

export function notAcceptable(message: string): McpRequestError {
  return new McpRequestError(406, JsonRpcErrorCode.ServerError, message);
}

/** For a session that is unknown, has ended or expired, and for one of another principal alike (P7). */
export function sessionNotFound(): McpRequestError {
  return new McpRequestError(404, JsonRpcErrorCode.SessionNotFound, 'Session not found');
}

export function tooManyRequests(message: string): McpRequestError {
  return new McpRequestError(429, JsonRpcErrorCode.ServerError, message, { 'Retry-After': '10' });
}

export function unavailable(message: string, options?: ErrorOptions): McpRequestError {
  return new McpRequestError(503, JsonRpcErrorCode.ServerError, message, { 'Retry-After': '5' }, options);
}
