/* The peer of the stream rows: what one writes with Express alone. */
import express from 'express';
import { once } from 'node:events';
import { serveCommands } from '../lib/commands.mjs';
import { usageCommands } from '../lib/process-usage.mjs';
import { frameOf } from '../lib/push-event.mjs';

/** @type {Set<import('express').Response>} */
const responses = new Set();
const app = express();

app.get('/mcp', (request, response) => {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  responses.add(response);
  response.on('close', () => responses.delete(response));
});

let lastId = 0;

/** Writes `count` events to every stream, in one tick. @param {{ count: number }} request */
function push({ count }) {
  for (let i = 0; i < count; i++) {
    const number = ++lastId;
    const frame = `id: main_${String(number).padStart(16, '0')}\n${frameOf(number)}`;
    for (const response of responses) response.write(frame);
  }
}

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

serveCommands({ ...usageCommands, push }, { port });
