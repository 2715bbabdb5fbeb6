import { describe, it } from '@jest/globals';
import { sessionsContract } from '../testing/client-sessions.contract.js';
import { MemoryStorageBackend } from './memory-storage-backend.js';

sessionsContract(
  { describe, it },
  { name: 'MemoryStorageBackend', create: (options) => new MemoryStorageBackend(options) },
);
