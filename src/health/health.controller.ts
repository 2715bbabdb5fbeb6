import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { McpSessionsHealth, type McpSessionsStatus } from 'nestjs-mcp-sessions';

/** The readiness probe: 503 from the moment that a shutdown begins, while requests in progress still finish. */
@Controller('health')
export class HealthController {
  constructor(private readonly health: McpSessionsHealth) {}

  @Get()
  check(): { mcp: McpSessionsStatus } {
    const status = this.health.check('mcp');
    if (status.mcp.status === 'down') throw new ServiceUnavailableException(status);
    return status;
  }
}
