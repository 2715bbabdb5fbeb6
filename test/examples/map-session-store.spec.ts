import { describe, it } from '@jest/globals';
import { sessionStoreContract } from 'nestjs-mcp-sessions/testing';
import { MapSessionStore } from './map-session-store.js';

sessionStoreContract({ describe, it }, { name: 'MapSessionStore', create: () => new MapSessionStore() });
