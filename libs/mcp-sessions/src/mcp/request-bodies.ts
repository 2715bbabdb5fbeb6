import type { AbstractHttpAdapter, ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import getRawBody from 'raw-body';
import { isJson } from './media-type.js';
import { JsonRpcErrorCode } from './json-rpc.js';
import { McpRequestError } from './mcp-request.errors.js';

/** How long an oversized body is read to its end, so that the client reads our answer instead of a reset. */
const DISCARD_MS = 2_000;

type Outcome = { body: unknown } | { error: McpRequestError };

/**
 * Reads the bodies of POSTs to the MCP endpoints, ahead of the application's body parser: that one has a limit and
 * errors of its own, and MCP's are different. The outcome waits for the controller, behind the guards.
 */
export class RequestBodies {
  private readonly outcomes = new WeakMap<Request, Outcome>();

  /**
   * @param adapterHost the HTTP server, which is there later than this, or never
   * @param paths the paths of the endpoints, without the application's global prefix; none: nothing is read
   */
  constructor(
    adapterHost: HttpAdapterHost,
    private readonly applicationConfig: ApplicationConfig,
    private readonly paths: readonly string[],
    private readonly maxBytes: number,
  ) {
    if (paths.length === 0) return;
    adapterHost.init$.subscribe(() => {
      // An application context without HTTP has no adapter.
      (adapterHost.httpAdapter as AbstractHttpAdapter | null)?.use(
        (request: Request, response: Response, next: NextFunction) => this.handle(request, response, next),
      );
    });
  }

  /** The parsed body. @throws McpRequestError 400, 413 or 415 */
  bodyOf(request: Request): unknown {
    if (!isJson(request.headers['content-type'])) {
      throw new McpRequestError(415, JsonRpcErrorCode.ServerError, 'Content-Type must be application/json');
    }
    const outcome = this.outcomes.get(request);
    // Under a prefix that only the router knows, the application's own parser was first.
    if (!outcome) return request.body;
    if ('error' in outcome) throw outcome.error;
    return outcome.body;
  }

  private handle(request: Request, response: Response, next: NextFunction): void {
    if (request.method !== 'POST' || !isJson(request.headers['content-type']) || !this.isOurs(request)) {
      next();
      return;
    }
    this.read(request, response).then(
      (outcome) => {
        this.outcomes.set(request, outcome);
        if ('body' in outcome) request.body = outcome.body;
        else hideBody(request);
        next();
      },
      (error: unknown) => next(error),
    );
  }

  private async read(request: Request, response: Response): Promise<Outcome> {
    const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity';
    if (encoding !== 'identity') {
      const message = `Content-Encoding ${encoding} is not supported`;
      return { error: new McpRequestError(415, JsonRpcErrorCode.ServerError, message) };
    }
    try {
      const text = await getRawBody(request, {
        length: request.headers['content-length'],
        limit: this.maxBytes,
      });
      return { body: JSON.parse(text.toString('utf8')) };
    } catch (error) {
      if ((error as { type?: string }).type !== 'entity.too.large') {
        return {
          error: new McpRequestError(400, JsonRpcErrorCode.ParseError, 'Parse error: the body is not JSON'),
        };
      }
      response.setHeader('Connection', 'close');
      await discard(request);
      const message = `The body is larger than ${this.maxBytes} bytes`;
      return { error: new McpRequestError(413, JsonRpcErrorCode.ServerError, message) };
    }
  }

  private isOurs(request: Request): boolean {
    const path = normalize(request.path);
    const prefix = normalize(this.applicationConfig.getGlobalPrefix());
    return this.paths.some((own) => path === normalize(own) || path === prefix + normalize(own));
  }
}

/** `/Mcp/` and `mcp` are one path to the router. */
function normalize(path: string): string {
  const trimmed = path.replace(/^\/+|\/+$/g, '').toLowerCase();
  return trimmed === '' ? '' : `/${trimmed}`;
}

/** The application's body parser is not to read on where this one has refused. */
function hideBody(request: Request): void {
  delete request.headers['content-length'];
  delete request.headers['transfer-encoding'];
}

async function discard(request: Request): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, DISCARD_MS);
    request.once('close', resolve).once('end', () => {
      clearTimeout(timer);
      resolve();
    });
    request.resume();
  });
}
