import { describe, it } from '@jest/globals';
import { sessionStoreContract } from '../testing/session-store.contract.js';
import { completeSessionStore } from './complete-session-store.js';
import { InMemorySessionStore } from './in-memory-session-store.js';
import type { SessionStore } from './session-store.interface.js';

/** A store with an atomic `update`, of before there was `modify`. */
function withoutModify(): SessionStore {
  const store = new InMemorySessionStore();
  return {
    get: (sessionId) => store.get(sessionId),
    set: (sessionId, data) => store.set(sessionId, data),
    delete: (sessionId) => store.delete(sessionId),
    has: (sessionId) => store.has(sessionId),
    keys: () => store.keys(),
    setWithTTL: (sessionId, data, ttlMs) => store.setWithTTL(sessionId, data, ttlMs),
    touch: (sessionId) => store.touch(sessionId),
    update: (sessionId, patch) => store.update(sessionId, patch),
    scan: () => store.scan(),
    onExpired: (listener) => store.onExpired(listener),
    close: () => store.close(),
  };
}

sessionStoreContract(
  { describe, it },
  { name: 'a store without modify', create: () => completeSessionStore(withoutModify(), 60_000) },
);
