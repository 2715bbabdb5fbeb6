import type { Readiness } from '../mcp/readiness.js';
import type { SessionCensus } from '../mcp/session-census.js';
import type { SessionRuntimes } from '../mcp/session-runtimes.js';

/** What {@link McpSessionsHealth} reports. */
export interface McpSessionsStatus {
  /** `down` from the moment that the application begins to shut down. */
  status: 'up' | 'down';
  /** Sessions that this instance opened or served and that have not ended. */
  sessions: number;
  /** Open SSE connections. */
  streams: number;
  /** Server objects in memory. */
  runtimes: number;
  /** Answers that could not be put on their streams since the start, and will not be any more. */
  answersLost: number;
}

/**
 * Whether this instance takes requests, and how much it holds. A readiness probe can answer with `check('mcp')`;
 * its shape is the one that `@nestjs/terminus` expects of a health indicator.
 */
export class McpSessionsHealth {
  constructor(
    private readonly readiness: Readiness,
    private readonly census: SessionCensus,
    private readonly connections: { readonly size: number },
    private readonly runtimes: SessionRuntimes,
  ) {}

  check<Key extends string>(key: Key): Record<Key, McpSessionsStatus> {
    const status: McpSessionsStatus = {
      status: this.readiness.isReady ? 'up' : 'down',
      sessions: this.census.size,
      streams: this.connections.size,
      runtimes: this.runtimes.size,
      answersLost: this.runtimes.backlog.lost,
    };
    return { [key]: status } as Record<Key, McpSessionsStatus>;
  }
}
