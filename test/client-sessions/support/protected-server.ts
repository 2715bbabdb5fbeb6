import { McpServer } from '@modelcontextprotocol/server';
import { UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request, Response } from 'express';
import { startApp } from '../../support/start-app.js';
import type { AuthorizationServer } from './authorization-server.js';

/** An MCP server that lets nobody in without an access token of its authorization server. @returns its URL */
export async function startProtectedServer(
  trusted: () => Pick<AuthorizationServer, 'issuer' | 'userOf'>,
): Promise<string> {
  const metadataPath = '/.well-known/oauth-protected-resource/mcp';
  const originOf = (request: Request): string => `http://${request.get('host')}`;

  class BearerTokenGuard implements CanActivate {
    async canActivate(context: ExecutionContext): Promise<boolean> {
      const request = context.switchToHttp().getRequest<Request & { auth?: unknown }>();
      const [, token] = /^Bearer (.+)$/.exec(request.get('authorization') ?? '') ?? [];
      const user = token && (await trusted().userOf(token));
      if (user) {
        request.auth = {
          token,
          clientId: 'client',
          scopes: [],
          extra: { iss: trusted().issuer, sub: user },
        };
        return true;
      }
      const challenge = `Bearer resource_metadata="${originOf(request)}${metadataPath}", scope="mcp"`;
      const response = context.switchToHttp().getResponse<Response>();
      response.status(401).set('WWW-Authenticate', challenge).json({ error: 'invalid_token' });
      return false;
    }
  }

  const createServer = (): McpServer => {
    const server = new McpServer({ name: 'protected', version: '1.0.0' });
    server.registerTool('whoami', {}, (context) => {
      const { sub } = context.http!.authInfo!.extra as { sub: string };
      return { content: [{ type: 'text', text: sub }] };
    });
    return server;
  };
  const { url } = await startApp(
    { server: createServer, decorators: [UseGuards(BearerTokenGuard)] },
    {
      prepare: (app) =>
        app.getHttpAdapter().get(metadataPath, (request: Request, response: Response) => {
          response.json({
            resource: `${originOf(request)}/mcp`,
            authorization_servers: [trusted().issuer],
            scopes_supported: ['mcp'],
          });
        }),
    },
  );
  return url;
}
