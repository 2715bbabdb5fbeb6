import { Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { FileSystemSessionStore } from '../session-store/file-system-session-store.js';
import { InMemorySessionStore } from '../session-store/in-memory-session-store.js';
import { RedisSessionStore } from '../session-store/redis-session-store.js';
import type { SessionStore } from '../session-store/session-store.interface.js';
import { InMemoryStreamManager } from '../streams/in-memory-stream-manager.js';
import { RedisStreamManager } from '../streams/redis-stream-manager.js';
import type { StreamManager } from '../streams/stream-manager.interface.js';
import { sessionFilePath } from './create-store.js';
import { environmentPrefix } from './environment.js';
import { isSessionStore, isStreamManager } from './own-objects.js';
import type { ResolvedOptions } from './resolved-options.interface.js';

/** Says at the start where a registration keeps its sessions and its streams, and when the two do not go together. */
export class StartReport implements OnApplicationBootstrap {
  private readonly logger = new Logger('McpSessionsModule');

  /** @param name of the registration */
  constructor(
    private readonly name: string | undefined,
    private readonly options: Pick<ResolvedOptions, 'store' | 'stream'>,
    private readonly store: SessionStore,
    private readonly streams: StreamManager,
  ) {}

  onApplicationBootstrap(): void {
    this.logger.log(`${this.prefix}store: ${this.describeStore()}; stream: ${this.describeStreams()}`);
    const warning = this.warning();
    if (warning !== undefined) this.logger.warn(this.prefix + warning);
  }

  /** Of the library's own stores and streams only: what others share among instances, only the application knows. */
  private warning(): string | undefined {
    const variables = environmentPrefix(this.name);
    if (this.store instanceof RedisSessionStore && this.streams instanceof InMemoryStreamManager) {
      return (
        'The store is in Redis, but the streams are in the memory of this instance. What another instance sends to ' +
        `a session is lost. Run one instance only, or set the option \`stream\` or ${variables}STREAM to "redis".`
      );
    }
    const isLocal =
      this.store instanceof InMemorySessionStore || this.store instanceof FileSystemSessionStore;
    if (isLocal && this.streams instanceof RedisStreamManager) {
      return (
        'The streams are in Redis, but the store belongs to this instance. Every other instance answers 404 to its ' +
        `sessions. Run one instance only, or set the option \`store\` or ${variables}STORE to "redis".`
      );
    }
    return undefined;
  }

  private describeStore(): string {
    const { store } = this.options;
    if (isSessionStore(store)) return describeOwn(store);
    const path = sessionFilePath(store);
    return path === undefined ? typeOf(store) : `file (${path})`;
  }

  private describeStreams(): string {
    const { stream } = this.options;
    return isStreamManager(stream) ? describeOwn(stream) : typeOf(stream);
  }

  private get prefix(): string {
    return this.name === undefined ? '' : `Registration "${this.name}": `;
  }
}

function typeOf(option: string | { type: string }): string {
  return typeof option === 'string' ? option : option.type;
}

function describeOwn(object: SessionStore | StreamManager): string {
  const { name } = object.constructor ?? Object;
  return name === 'Object' ? "an object of the application's own" : name;
}
