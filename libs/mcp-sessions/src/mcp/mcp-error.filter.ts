import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { McpSessionsError } from '../common/errors.js';
import { SessionStoreUnavailableError } from '../session-store/session-store.errors.js';
import {
  InvalidEventIdError,
  StreamContendedError,
  StreamManagerUnavailableError,
} from '../streams/stream-manager.errors.js';
import { errorResponse, JsonRpcErrorCode } from './json-rpc.js';
import { badRequest, McpRequestError, unavailable } from './mcp-request.errors.js';

/** Answers with the HTTP status and the JSON-RPC error that belong to an error: the one place that maps them. */
@Catch(McpSessionsError)
export class McpErrorFilter implements ExceptionFilter<McpSessionsError> {
  private readonly logger = new Logger('McpSessions');

  catch(error: McpSessionsError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const { status, headers, rpcCode, message } = this.toRequestError(error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response
      .status(status)
      .set(headers)
      .json(errorResponse(null, rpcCode, message));
  }

  private toRequestError(error: McpSessionsError): McpRequestError {
    if (error instanceof McpRequestError) return error;
    if (error instanceof InvalidEventIdError) return badRequest(error.message);
    if (error instanceof StreamContendedError) {
      return new McpRequestError(409, JsonRpcErrorCode.ServerError, error.message);
    }
    if (error instanceof SessionStoreUnavailableError || error instanceof StreamManagerUnavailableError) {
      this.logger.error(error.message, error.cause ?? error);
      return unavailable('The server cannot reach its sessions; try again');
    }
    this.logger.error('A request failed', error);
    return new McpRequestError(500, JsonRpcErrorCode.InternalError, 'Internal error');
  }
}
