/* A process that holds many SSE streams and counts what arrives on each. */
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveCommands } from '../lib/commands.mjs';
import { MARK } from '../lib/push-event.mjs';
import { PROTOCOL_VERSION, deleteSession, openSession } from './handshake.mjs';

const OPEN_AT_ONCE = 50;

/** @typedef {{ sessionId?: string, socket: import('node:net').Socket, events: number }} Stream */

/** @type {Stream[]} */
let streams = [];
let bytes = 0;
let closing = false;
/** @type {Error | undefined} */
let failure;

// Every socket reads into the same memory: what is read is looked at once and not kept.
const buffer = Buffer.alloc(256 * 1024);

/** @param {Buffer} chunk */
function countEvents(chunk) {
  let events = 0;
  for (let at = chunk.indexOf(MARK); at !== -1; at = chunk.indexOf(MARK, at + 1)) events++;
  return events;
}

/** @param {number} port @param {string} [sessionId] @returns {Promise<Stream>} */
function openStream(port, sessionId) {
  return new Promise((resolve, reject) => {
    let headers = '';
    let open = false;
    /** @param {Buffer} chunk */
    const read = (chunk) => {
      bytes += chunk.length;
      if (open) {
        stream.events += countEvents(chunk);
        return;
      }
      headers += chunk.toString('latin1');
      if (!headers.includes('\r\n\r\n')) return;
      open = /^HTTP\/1\.1 200 [^]*\r\ncontent-type: text\/event-stream/i.test(headers);
      if (open) resolve(stream);
      else reject(new Error(`GET answered ${headers.slice(0, 500)}`));
      headers = '';
    };
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer,
        callback: (length) => {
          read(buffer.subarray(0, length));
          return true;
        },
      },
    });
    /** @type {Stream} */
    const stream = { sessionId, socket, events: 0 };
    socket.on('error', reject);
    socket.on('close', () => {
      if (!closing) failure ??= new Error('the server ended a stream');
    });
    const session = sessionId
      ? `Mcp-Session-Id: ${sessionId}\r\nMCP-Protocol-Version: ${PROTOCOL_VERSION}\r\n`
      : '';
    socket.write(
      `GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n${session}\r\n`,
    );
  });
}

/**
 * Opens `count` streams; with `sessions`, each in a session of its own.
 * @param {{ port: number, count: number, sessions: boolean }} request
 */
async function open({ port, count, sessions }) {
  const agent = new Agent({ keepAlive: true, maxSockets: OPEN_AT_ONCE });
  let started = 0;
  const worker = async () => {
    while (started < count) {
      started++;
      streams.push(await openStream(port, sessions ? await openSession(port, agent) : undefined));
    }
  };
  await Promise.all(Array.from({ length: OPEN_AT_ONCE }, worker));
  agent.destroy();
}

/** Ends all streams, and their sessions. @param {{ port: number }} request */
async function close({ port }) {
  const agent = new Agent({ keepAlive: true, maxSockets: OPEN_AT_ONCE });
  closing = true;
  for (const { socket } of streams) socket.destroy();
  for (const { sessionId } of streams) if (sessionId) await deleteSession(port, agent, sessionId);
  agent.destroy();
  await sleep(100);
  streams = [];
  closing = false;
}

/** Resolves when every stream has received `events` since it was opened. @param {{ events: number, timeoutMs: number }} request */
async function waitForEvents({ events, timeoutMs }) {
  const end = Date.now() + timeoutMs;
  while (streams.some((stream) => stream.events < events)) {
    if (failure) throw failure;
    if (Date.now() > end) {
      const late = streams.filter((stream) => stream.events < events).length;
      throw new Error(`${late} of ${streams.length} streams did not get ${events} events`);
    }
    await sleep(1);
  }
  const excess = streams.filter((stream) => stream.events > events).length;
  if (excess) throw new Error(`${excess} streams got an event more than once`);
}

/** Throws if a stream was lost meanwhile. */
function stats() {
  if (failure) throw failure;
  return { streams: streams.length, bytes };
}

serveCommands({ open, close, waitForEvents, stats });
