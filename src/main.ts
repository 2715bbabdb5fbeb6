import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

// HTTP clients leave unused sockets open; a shutdown is not to wait for them. Streams end before that.
const app = await NestFactory.create(AppModule, { forceCloseConnections: true });
app.enableShutdownHooks();

const config = app.get(ConfigService);
await app.listen(Number(config.get('PORT', '3000')), config.get<string>('HOST', '127.0.0.1'));

const url = await app.getUrl();
const logger = new Logger('Notebook');
logger.log(`Streamable HTTP: ${url}/mcp`);
logger.log(`HTTP+SSE:        ${url}/mcp/sse`);
