import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { listenAddress } from './listen-address.js';

// HTTP clients leave unused sockets open; a shutdown is not to wait for them. Streams end before that.
const app = await NestFactory.create(AppModule, { forceCloseConnections: true });
app.enableShutdownHooks();

const logger = new Logger('Notebook');
try {
  const { port, host } = listenAddress(app.get(ConfigService));
  await app.listen(port, host);
} catch (error) {
  logger.error(`Cannot listen at HOST and PORT: ${error instanceof Error ? error.message : String(error)}`);
  await app.close();
  process.exit(1);
}

const url = await app.getUrl();
logger.log(`Streamable HTTP: ${url}/mcp`);
logger.log(`HTTP+SSE:        ${url}/mcp/sse`);
