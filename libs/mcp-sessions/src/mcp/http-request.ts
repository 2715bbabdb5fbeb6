import type { Request } from 'express';
import type { MessageExtra } from './mcp-server.interface.js';
import { badRequest } from './mcp-request.errors.js';
import { isAcceptedVersion } from './protocol-version.js';

export const SESSION_HEADER = 'Mcp-Session-Id';

/** A request as a middleware or guard of the application may have authenticated it. */
type AuthenticatedRequest = Omit<Request, 'auth'> & { auth?: unknown };

export function sessionIdOf(request: Request): string | undefined {
  return singleHeader(request, 'mcp-session-id') || undefined;
}

export function lastEventIdOf(request: Request): string | undefined {
  return singleHeader(request, 'last-event-id') || undefined;
}

/** @throws McpRequestError 400: `MCP-Protocol-Version` names a revision that this session cannot have */
export function assertProtocolVersion(request: Request, negotiated?: string): void {
  const version = singleHeader(request, 'mcp-protocol-version');
  if (version !== undefined && !isAcceptedVersion(version, negotiated)) {
    throw badRequest(`Bad Request: unsupported protocol version ${JSON.stringify(version.slice(0, 32))}`);
  }
}

/** What the SDKs' handlers are told about the HTTP request that a message came with. */
export class HttpMessageExtra implements MessageExtra {
  closeSSEStream?: () => void;
  closeStandaloneSSEStream?: () => void;
  private webRequest: globalThis.Request | undefined;

  constructor(private readonly httpRequest: Request) {}

  get authInfo(): unknown {
    return (this.httpRequest as AuthenticatedRequest).auth;
  }

  get requestInfo(): MessageExtra['requestInfo'] {
    return { headers: this.httpRequest.headers, url: new URL(this.url) };
  }

  get request(): globalThis.Request {
    this.webRequest ??= new globalThis.Request(this.url, {
      method: this.httpRequest.method,
      headers: Object.entries(this.httpRequest.headers).map(([name, value]): [string, string] => [
        name,
        String(value),
      ]),
    });
    return this.webRequest;
  }

  private get url(): string {
    const { protocol, headers, originalUrl } = this.httpRequest;
    const url = `${protocol}://${headers.host}${originalUrl}`;
    return URL.canParse(url) ? url : `${protocol}://localhost`;
  }
}

function singleHeader(request: Request, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
