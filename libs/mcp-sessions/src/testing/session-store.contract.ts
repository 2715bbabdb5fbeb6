import type { SessionStore } from '../session-store/session-store.interface.js';
import type { ContractRunner } from './contract-runner.js';
import { sessionStoreBasics } from './session-store-basics.contract.js';
import { sessionStoreLifetimes } from './session-store-lifetimes.contract.js';
import { sessionStoreUpdates } from './session-store-updates.contract.js';

/** The store that {@link sessionStoreContract} examines. */
export interface SessionStoreContractOptions {
  /** The store's name, for the report. */
  name: string;
  /** Makes a store without sessions, which no other case uses. Called for every case. */
  create: () => SessionStore | Promise<SessionStore>;
  /** Takes a store of `create` away after its case. Default: calls its `close`, if it has one. */
  destroy?: (store: SessionStore) => void | Promise<void>;
  /** A short lifetime that the store can keep, in milliseconds. Default 80; more for a distant database. */
  shortTtlMs?: number;
  /** How long to wait for the end of a lifetime before a case fails, in milliseconds. Default 4,000. */
  timeoutMs?: number;
}

/** The times of {@link SessionStoreContractOptions}. */
export type ContractTimes = Required<Pick<SessionStoreContractOptions, 'shortTtlMs' | 'timeoutMs'>>;

/** One case of the suite: declares `name`, and runs `work` on a store of its own. */
export type StoreCase = (name: string, work: (store: SessionStore) => Promise<void>) => void;

/**
 * Checks that a session store keeps the contract of {@link SessionStore}. For authors of custom stores:
 *
 * ```ts
 * import { describe, it } from 'node:test';
 * import { sessionStoreContract } from 'nestjs-mcp-sessions/testing';
 *
 * sessionStoreContract({ describe, it }, { name: 'MySessionStore', create: () => new MySessionStore() });
 * ```
 *
 * The optional methods `setWithTTL`, `touch`, `update`, `modify`, `scan` and `onExpired` are examined when the store has
 * them. The cases wait for real lifetimes to pass: run them without fake timers.
 */
export function sessionStoreContract(runner: ContractRunner, options: SessionStoreContractOptions): void {
  const { name, create, destroy = (store) => store.close?.() } = options;
  const { shortTtlMs = 80, timeoutMs = 4_000 } = options;
  const storeCase: StoreCase = (caseName, work) => {
    runner.it(caseName, async () => {
      const store = await create();
      try {
        await work(store);
      } finally {
        await destroy(store);
      }
    });
  };
  runner.describe(`${name} keeps the contract of session stores:`, () => {
    sessionStoreBasics(storeCase);
    sessionStoreLifetimes(storeCase, { shortTtlMs, timeoutMs });
    sessionStoreUpdates(storeCase, { shortTtlMs, timeoutMs });
  });
}
