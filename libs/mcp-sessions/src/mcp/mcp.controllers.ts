import {
  All,
  Controller,
  Delete,
  Get,
  Head,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
  UseInterceptors,
  VERSION_NEUTRAL,
  applyDecorators,
  type Type,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { HttpSseEndpoint } from './http-sse.endpoint.js';
import { JsonRpcErrorCode } from './json-rpc.js';
import { McpErrorFilter } from './mcp-error.filter.js';
import type { McpReply } from './mcp-reply.js';
import { McpReplyInterceptor } from './mcp-reply.interceptor.js';
import { McpRequestError } from './mcp-request.errors.js';
import { McpRequestGuard } from './mcp-request.guard.js';
import { StreamableHttpEndpoint } from './streamable-http.endpoint.js';

/**
 * Makes the controllers of one registration. Classes of their own, since the path is part of a class.
 *
 * @param path where they are mounted, without a slash at the end
 * @param decorators the application's, for guards and the like
 */
export function createMcpControllers(path: string, decorators: ClassDecorator[]): Type[] {
  const McpRoutes = (suffix: string): ClassDecorator =>
    applyDecorators(
      ...decorators,
      Controller({ path: `${path}${suffix}`, version: VERSION_NEUTRAL }),
      UseGuards(McpRequestGuard),
      UseInterceptors(McpReplyInterceptor),
      UseFilters(McpErrorFilter),
    );

  @McpRoutes('')
  class StreamableHttpController {
    constructor(private readonly endpoint: StreamableHttpEndpoint) {}

    @Post()
    post(@Req() request: Request, @Res() response: Response): Promise<McpReply> {
      return this.endpoint.post(request, response);
    }

    @Head()
    head(@Res() _response: Response): never {
      throw methodNotAllowed('GET, POST, DELETE');
    }

    @Get()
    get(@Req() request: Request, @Res() response: Response): Promise<McpReply> {
      return this.endpoint.get(request, response);
    }

    @Delete()
    delete(@Req() request: Request, @Res() _response: Response): Promise<McpReply> {
      return this.endpoint.delete(request);
    }

    @All()
    other(@Res() _response: Response): never {
      throw methodNotAllowed('GET, POST, DELETE');
    }
  }

  @McpRoutes('/sse')
  class HttpSseController {
    constructor(private readonly endpoint: HttpSseEndpoint) {}

    @Head()
    head(@Res() _response: Response): never {
      throw methodNotAllowed('GET');
    }

    @Get()
    get(@Req() request: Request, @Res() response: Response): Promise<McpReply> {
      return this.endpoint.get(request, response);
    }

    @All()
    other(@Res() _response: Response): never {
      throw methodNotAllowed('GET');
    }
  }

  @McpRoutes('/messages')
  class HttpSseMessagesController {
    constructor(private readonly endpoint: HttpSseEndpoint) {}

    @Post()
    post(@Req() request: Request, @Res() _response: Response): Promise<McpReply> {
      return this.endpoint.post(request);
    }

    @All()
    other(@Res() _response: Response): never {
      throw methodNotAllowed('POST');
    }
  }

  return [StreamableHttpController, HttpSseController, HttpSseMessagesController];
}

function methodNotAllowed(allow: string): McpRequestError {
  return new McpRequestError(405, JsonRpcErrorCode.ServerError, 'Method not allowed', { Allow: allow });
}
