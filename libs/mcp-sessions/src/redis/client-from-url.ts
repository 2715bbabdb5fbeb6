import { Logger } from '@nestjs/common';
import { InvalidConfigurationError } from '../common/errors.js';
import { messageOf } from './client-error.js';
import type { IoredisClient } from './redis-client.interface.js';
import { DEFAULT_COMMAND_TIMEOUT_MS } from './redis-client.js';

/** The pause before a reconnection doubles from the shortest to the longest. */
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Makes a client of ioredis that belongs to the library. It connects by itself, again and again, and tells the log
 * once when it has lost Redis and once when it is back. Commands fail after the second attempt to reconnect, so
 * that requests are answered with an error soon, and do not pile up.
 *
 * @param url `redis://` or, for TLS, `rediss://`, with user, password and database if there are any
 * @throws InvalidConfigurationError ioredis is not installed, or the URL is not one of Redis
 */
export async function clientFromUrl(
  url: string,
  { commandTimeoutMs = DEFAULT_COMMAND_TIMEOUT_MS }: { commandTimeoutMs?: number } = {},
): Promise<IoredisClient> {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    // The URL may hold a password.
    throw new InvalidConfigurationError('The URL of Redis must begin with redis:// or rediss://');
  }
  const Redis = await loadRedisClass();
  const client = new Redis(url, {
    maxRetriesPerRequest: 1,
    retryStrategy: pauseBeforeAttempt,
    // A connection on which nothing comes back any more is given up; the commands' own timeout would leave it open.
    socketTimeout: commandTimeoutMs,
  });
  logOutages(client);
  return client;
}

async function loadRedisClass(): Promise<new (url: string, options: object) => IoredisClient> {
  try {
    const { Redis } = await import('ioredis');
    return Redis;
  } catch (cause) {
    throw new InvalidConfigurationError('To connect to Redis by a URL, install the package ioredis', {
      cause,
    });
  }
}

/** With some jitter, so that instances do not come back all at once. */
function pauseBeforeAttempt(attempt: number): number {
  const pauseMs = Math.min(SHORTEST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
  return pauseMs / 2 + (Math.random() * pauseMs) / 2;
}

function logOutages(client: IoredisClient): void {
  const logger = new Logger('Redis');
  let isAway = false;
  client.on('error', (error: Error) => {
    if (!isAway) logger.error(`Redis cannot be reached: ${messageOf(error)}`);
    isAway = true;
  });
  client.on('ready', () => {
    if (isAway) logger.log('Redis can be reached again');
    isAway = false;
  });
}
