/*
 * A process that calls a tool as fast as it is answered: one connection per session, one call in flight on each.
 * It speaks HTTP on bare sockets, because a full client costs more than the server under measurement.
 */
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { serveCommands } from '../lib/commands.mjs';
import { cpuMicroseconds } from '../lib/process-usage.mjs';
import { summarize } from '../lib/statistics.mjs';
import { ACCEPT, PROTOCOL_VERSION, openSession } from './handshake.mjs';

const TEXT = 'hello';

/** One session on one connection. */
class Caller {
  calls = 0;
  /** @type {(() => void) | undefined} */
  #answered;
  /** @type {((error: Error) => void) | undefined} */
  #failed;
  #answer = '';

  /** @param {number} port @param {string} sessionId */
  constructor(port, sessionId) {
    this.head =
      `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nAccept: ${ACCEPT}\r\n` +
      `Mcp-Session-Id: ${sessionId}\r\nMCP-Protocol-Version: ${PROTOCOL_VERSION}\r\nContent-Length: `;
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (part) => this.#read(String(part)));
    this.socket.on('error', (error) => this.#failed?.(error));
    this.socket.on('close', () => this.#failed?.(new Error('the server closed a keep-alive connection')));
  }

  /** @returns {Promise<void>} */
  call() {
    const body = `{"jsonrpc":"2.0","id":${++this.calls},"method":"tools/call","params":{"name":"echo","arguments":{"text":"${TEXT}"}}}`;
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.socket.write(`${this.head}${body.length}\r\n\r\n${body}`);
    });
  }

  /** @param {string} part */
  #read(part) {
    this.#answer += part;
    if (!this.#complete()) return;
    const answer = this.#answer;
    this.#answer = '';
    const right =
      answer.startsWith('HTTP/1.1 200') &&
      answer.includes(`"id":${this.calls}`) &&
      answer.includes(`"text":"${TEXT}"`);
    if (right) this.#answered?.();
    else this.#failed?.(new Error(`unexpected answer: ${answer.slice(0, 1000)}`));
  }

  /** Whether the answer has arrived to its end: the last chunk, or as many bytes as announced. */
  #complete() {
    if (this.#answer.endsWith('\r\n0\r\n\r\n')) return true;
    const end = this.#answer.indexOf('\r\n\r\n');
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#answer.slice(0, end + 2));
    return end !== -1 && length !== null && this.#answer.length >= end + 4 + Number(length[1]);
  }
}

/** @type {Caller[]} */
let callers = [];

/**
 * Opens sessions at one port, to call at the same or another.
 * @param {{ port: number, callPort?: number, sessions: number }} request
 */
async function open({ port, callPort = port, sessions }) {
  for (const { socket } of callers) socket.destroy();
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const ids = await Promise.all(Array.from({ length: sessions }, () => openSession(port, agent)));
  agent.destroy();
  callers = ids.map((id) => new Caller(callPort, id));
  await Promise.all(callers.map(({ socket }) => once(socket, 'connect')));
}

/** Calls once on each session, one at a time. @returns the median time, in milliseconds */
async function callInTurn() {
  const times = [];
  for (const caller of callers) {
    const start = performance.now();
    await caller.call();
    times.push(performance.now() - start);
  }
  return summarize(times).median;
}

/** Calls for `seconds`. @param {{ seconds: number }} request */
async function run({ seconds }) {
  const start = performance.now();
  const end = start + seconds * 1000;
  const cpu = cpuMicroseconds();
  let requests = 0;
  const worker = async (/** @type {Caller} */ caller) => {
    while (performance.now() < end) {
      await caller.call();
      requests++;
    }
  };
  await Promise.all(callers.map(worker));
  const elapsedMs = performance.now() - start;
  const clientCpuShare = (cpuMicroseconds() - cpu) / 1000 / elapsedMs;
  return { requests, elapsedMs, clientCpuShare };
}

serveCommands({ open, run, callInTurn });
