import { Injectable, NotFoundException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { isAllowedHost, isAllowedOrigin } from './allowed-hosts.js';
import { McpEndpointSettings } from './mcp-endpoint-settings.js';
import { forbidden } from './mcp-request.errors.js';

/** Refuses requests from foreign pages and to foreign names, whatever they ask for. */
@Injectable()
export class McpRequestGuard implements CanActivate {
  constructor(private readonly settings: McpEndpointSettings) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const { server, allowedHosts, allowedOrigins } = this.settings.options;
    if (!server) throw new NotFoundException(`Cannot ${request.method} ${request.url}`);
    if (!isAllowedHost(request.headers.host, allowedHosts)) {
      throw forbidden('This server does not answer for the host of the request; see the option allowedHosts');
    }
    if (!isAllowedOrigin(request.headers.origin, allowedOrigins)) {
      throw forbidden('The origin of the request is not allowed; see the option allowedOrigins');
    }
    return true;
  }
}
