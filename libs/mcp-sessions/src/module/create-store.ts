import { FileSystemSessionStore } from '../session-store/file-system-session-store.js';
import { InMemorySessionStore } from '../session-store/in-memory-session-store.js';
import type { SessionStore } from '../session-store/session-store.interface.js';
import { InMemoryStreamManager } from '../streams/in-memory-stream-manager.js';
import type { StreamManager } from '../streams/stream-manager.interface.js';
import type { SessionStoreOption, StreamManagerOption } from './mcp-sessions-options.interface.js';

/** The store when nothing names one: a file that survives restarts while developing, memory in production. */
export function defaultStore(nodeEnv: string | undefined, name: string | undefined): SessionStoreOption {
  if (nodeEnv === 'production') return 'memory';
  if (name === undefined) return 'file';
  return { type: 'file', path: `.mcp-use/sessions-${encodeURIComponent(name)}.json` };
}

export function createSessionStore(option: SessionStoreOption): SessionStore {
  if (option === 'memory') return new InMemorySessionStore();
  if (option === 'file') return new FileSystemSessionStore();
  if (!('type' in option)) return option;
  if (option.type === 'memory') return new InMemorySessionStore();
  const { type: _, ...config } = option;
  return new FileSystemSessionStore(config);
}

export function createStreamManager(option: StreamManagerOption): StreamManager {
  if (option === 'memory') return new InMemoryStreamManager();
  if (!('type' in option)) return option;
  const { type: _, ...config } = option;
  return new InMemoryStreamManager(config);
}
