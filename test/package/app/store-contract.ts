import { InMemorySessionStore } from 'nestjs-mcp-sessions';
import { sessionStoreContract } from 'nestjs-mcp-sessions/testing';
import { describe, it } from 'node:test';

sessionStoreContract(
  { describe, it },
  { name: 'InMemorySessionStore', create: () => new InMemorySessionStore() },
);
