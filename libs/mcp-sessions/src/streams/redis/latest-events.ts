import type { RedisConnection } from '../../redis/redis-connection.interface.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { bytesOf } from '../sse-frame.js';
import { storedEvents } from './stored-events.js';

/** The latest events of a stream, among which one is looked for. */
const LATEST = 64;

/** Whether one of the stream's latest events has this text. */
export async function isAmongLatest(
  redis: RedisConnection,
  keys: StreamKeys,
  session: string,
  field: string,
  text: string,
): Promise<boolean> {
  const log = keys.logs(session) + field;
  const entries = (await redis.command(log, 'LRANGE', log, -LATEST, -1)) as string[];
  const data = bytesOf(text);
  return storedEvents(entries, entries.length).some((event) => event.data === data);
}
