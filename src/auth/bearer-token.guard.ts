import { Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { AuthInfo } from '@modelcontextprotocol/server';
import type { Request, Response } from 'express';
import { AccessTokens } from './access-tokens.js';

/** Where both SDKs and `nestjs-mcp-sessions` look for what authentication found out. */
export interface AuthenticatedRequest extends Request {
  auth?: AuthInfo;
}

/**
 * Asks for a bearer token when `NOTEBOOK_TOKENS` is set. A stand-in for a real authorization server: replace
 * {@link AccessTokens} by the verification of your tokens, and fill `request.auth` alike.
 */
@Injectable()
export class BearerTokenGuard implements CanActivate {
  private readonly tokens: AccessTokens | undefined;

  constructor(config: ConfigService) {
    const list = config.get<string>('NOTEBOOK_TOKENS');
    if (list) this.tokens = new AccessTokens(list);
  }

  canActivate(context: ExecutionContext): boolean {
    if (!this.tokens) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<AuthenticatedRequest>();
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const user = token === undefined ? undefined : this.tokens.userOf(token);
    if (token === undefined || user === undefined) {
      const challenge = token === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
      http.getResponse<Response>().setHeader('WWW-Authenticate', challenge);
      throw new UnauthorizedException();
    }
    // Issuer and subject own the session; they outlive the token, which is refreshed.
    request.auth = { token, clientId: 'notebook', scopes: [], extra: { iss: 'notebook', sub: user } };
    return true;
  }
}
