import { describe, expect, it } from '@jest/globals';
import {
  Inject,
  Injectable,
  Module,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request } from 'express';
import { McpSessionsModule } from 'nestjs-mcp-sessions';
import { callRequest, RawClient } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startWith } from '../support/start-app.js';

const memory = { store: 'memory', stream: 'memory' } as const;
const echo = callRequest(1, 'echo', { text: 'x' });

describe('a guard with dependencies', () => {
  @Injectable()
  class Tokens {
    readonly valid = ['Bearer right'];
  }
  @Module({ providers: [Tokens], exports: [Tokens] })
  class TokensModule {}

  @Injectable()
  class TokenGuard implements CanActivate {
    constructor(@Inject(Tokens) private readonly tokens: Tokens) {}
    canActivate(context: ExecutionContext): boolean {
      const { authorization } = context.switchToHttp().getRequest<Request>().headers;
      return this.tokens.valid.includes(authorization ?? '');
    }
  }
  const extras = { imports: [TokensModule], decorators: [UseGuards(TokenGuard)] };
  const options = { ...memory, server: createScenario('v2').factory };

  it.each([
    ['forRoot', () => McpSessionsModule.forRoot({ ...options, ...extras })],
    ['forRootAsync', () => McpSessionsModule.forRootAsync({ useFactory: () => options, ...extras })],
  ])('has them from the `imports` of %s', async (_, register) => {
    const { url } = await startWith([register()]);
    const client = await RawClient.open(url, { headers: { authorization: 'Bearer right' } });
    expect((await client.ask(echo)).result).toBeDefined();
    expect((await client.post(echo, { authorization: 'Bearer wrong' })).status).toBe(403);
  });
});
