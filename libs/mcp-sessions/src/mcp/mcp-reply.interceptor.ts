import {
  HttpException,
  Injectable,
  Logger,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Response } from 'express';
import { catchError, map, type Observable } from 'rxjs';
import { McpSessionsError } from '../common/errors.js';
import { JsonRpcErrorCode } from './json-rpc.js';
import { writeReply, type McpReply } from './mcp-reply.js';
import { McpRequestError } from './mcp-request.errors.js';

/** Writes what the MCP controllers return, and gives their unforeseen errors the protocol's shape. */
@Injectable()
export class McpReplyInterceptor implements NestInterceptor<McpReply, void> {
  private readonly logger = new Logger('McpSessions');

  intercept(context: ExecutionContext, next: CallHandler<McpReply>): Observable<void> {
    const response = context.switchToHttp().getResponse<Response>();
    return next.handle().pipe(
      map((reply) => writeReply(reply, response)),
      catchError((error: unknown) => {
        if (error instanceof McpSessionsError || error instanceof HttpException) throw error;
        this.logger.error('A request failed', error);
        throw new McpRequestError(
          500,
          JsonRpcErrorCode.InternalError,
          'Internal error',
          {},
          { cause: error },
        );
      }),
    );
  }
}
