import type { SessionStore } from '../session-store/session-store.interface.js';
import type { StreamManager } from '../streams/stream-manager.interface.js';

/** What a store of the application's own has at least. */
export const STORE_METHODS = ['get', 'set', 'delete', 'has', 'keys'] as const;
/** What a stream manager of the application's own has at least. */
export const STREAM_METHODS = ['create', 'send', 'delete', 'has'] as const;

/** Whether an option is a store, whatever other properties it has, and not the settings of one. */
export function isSessionStore(option: unknown): option is SessionStore {
  return missingMethods(option, STORE_METHODS).length === 0;
}

/** Whether an option is a stream manager, whatever other properties it has, and not the settings of one. */
export function isStreamManager(option: unknown): option is StreamManager {
  return missingMethods(option, STREAM_METHODS).length === 0;
}

/** Those of the methods that a value does not have. */
export function missingMethods(value: unknown, methods: readonly string[]): string[] {
  const object = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return methods.filter((method) => typeof object[method] !== 'function');
}
