import { describe, it } from '@jest/globals';
import { streamManagerContract } from '../testing/stream-manager.contract.js';
import { InMemoryStreamManager } from './in-memory-stream-manager.js';

streamManagerContract(
  { describe, it },
  {
    name: 'InMemoryStreamManager',
    create: (replay) => new InMemoryStreamManager({ replay }),
    interleavings: 60,
  },
);
