import assert, { AssertionError } from 'node:assert/strict';
import type {
  EventId,
  ResumableStreamManager,
  StreamManager,
  StreamRef,
} from '../streams/stream-manager.interface.js';
import { MAIN_STREAM_KEY } from '../streams/stream-manager.interface.js';
import { eventually } from './eventually.js';
import { RecordingConnection } from './recording-connection.js';

/** Ids that collide, vanish or turn into patterns and prototypes in a careless manager. */
export const HOSTILE_IDS = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'a',
  'A',
  'a:b',
  'a:b:main',
  'main',
  '*',
  'a*',
  '[a]',
  '{a}',
  '{a}b',
  'a\nb',
  'a\r\nid: 1',
  'a\0b',
  '"a"',
  'a.b',
  '%61',
  '🦊',
  'é',
  'e\u0301',
  'x'.repeat(1_000),
];

/** The comment that tells a client that events are lost, without its colon. */
export const EVENTS_LOST = 'events-lost';

/** The main stream of the session `session`. */
export const MAIN: StreamRef = { sessionId: 'session', key: MAIN_STREAM_KEY };

/** A request stream of the session `session`. */
export const REQUEST: StreamRef = { sessionId: 'session', key: 'request' };

/** One event of SSE text. */
export function frame(data: string): string {
  return `event: message\ndata: ${data}\n\n`;
}

/** Opens the main streams of the sessions. */
export async function openSessions(
  manager: StreamManager,
  sessionIds: string[],
): Promise<RecordingConnection[]> {
  const connections: RecordingConnection[] = [];
  for (const sessionId of sessionIds) {
    const connection = new RecordingConnection();
    await manager.create(sessionId, connection);
    connections.push(connection);
  }
  return connections;
}

/** Connects to a stream, behind an event if one is given. */
export async function connect(
  manager: ResumableStreamManager,
  stream: StreamRef,
  after?: EventId,
): Promise<RecordingConnection> {
  const connection = new RecordingConnection();
  await manager.open(stream, connection, after === undefined ? {} : { after });
  return connection;
}

/** Appends events one after the other. @returns their ids */
export async function appendAll(
  manager: ResumableStreamManager,
  stream: StreamRef,
  data: string[],
): Promise<EventId[]> {
  const ids: EventId[] = [];
  for (const text of data) ids.push(await manager.append(stream, frame(text)));
  return ids;
}

/** Waits until the connection has received as many events, and compares them. */
export async function assertReceives(connection: RecordingConnection, expected: string[]): Promise<void> {
  try {
    await eventually('the events arrive', () => connection.data.length >= expected.length);
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
  }
  assert.deepEqual(connection.data, expected);
}

/** As `assertReceives`, whatever the order is. */
export async function assertReceivesInAnyOrder(
  connection: RecordingConnection,
  expected: string[],
): Promise<void> {
  await eventually('the events arrive', () => connection.data.length >= expected.length);
  assert.deepEqual(connection.data.toSorted(), expected.toSorted());
}

/** Waits until the manager has ended the connection. */
export async function assertClosed(connection: RecordingConnection): Promise<void> {
  await eventually('the connection is closed', () => connection.closed);
}

/** Rejects with an error of this library that has the code. */
export async function assertRejects(work: Promise<unknown> | (() => unknown), code: string): Promise<void> {
  const run = typeof work === 'function' ? async () => work() : () => work;
  await assert.rejects(run, (error: { code?: string }) => {
    assert.equal(error.code, code);
    return true;
  });
}
