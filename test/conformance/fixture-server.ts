import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { McpSessionsModule } from 'nestjs-mcp-sessions';
import { createFixture } from './fixture/create-fixture.js';

/** Several fixture servers are one only with what they share. */
const redisUrl = process.env.REDIS_URL;
const storage = redisUrl ? ({ type: 'redis', url: redisUrl } as const) : 'memory';

@Module({
  imports: [McpSessionsModule.forRoot({ store: storage, stream: storage, server: () => createFixture() })],
})
class FixtureModule {}

/** What the fixture server sends to the process that started it, once it takes requests. */
export interface FixtureReady {
  url: string;
}

const app = await NestFactory.create(FixtureModule, { logger: ['warn', 'error'] });
await app.listen(Number(process.env.PORT ?? 0), '127.0.0.1');
const url = `${await app.getUrl()}/mcp`;

if (process.send) {
  process.send({ url } satisfies FixtureReady);
  // The runner is gone, however it ended: nobody needs this server any more.
  process.on('disconnect', () => process.exit());
} else {
  console.log(url);
}
