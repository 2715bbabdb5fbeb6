import 'reflect-metadata';
import { Redis } from 'ioredis';
import { RedisSessionStore } from 'nestjs-mcp-sessions';
import { serveCommands } from '../lib/commands.mjs';
import { measureOperations } from '../lib/store-probe.mjs';

serveCommands({
  measure: ({ port, clientOptions, load }) =>
    measureOperations(new RedisSessionStore({ client: new Redis(port, clientOptions) }), load),
});
