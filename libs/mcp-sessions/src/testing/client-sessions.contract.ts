import type { SessionsOptions } from '../client-sessions/sessions-options.interface.js';
import type { Sessions } from '../client-sessions/sessions.interface.js';
import { sessionsBasics } from './client-sessions-basics.contract.js';
import { DORMANT_AFTER_MS, PENDING_TTL_MS, type DeclareSessionsCase } from './client-sessions-case.js';
import { sessionsConcurrency } from './client-sessions-concurrency.contract.js';
import { sessionsLifetimes } from './client-sessions-lifetimes.contract.js';
import { sessionsLocks } from './client-sessions-locks.contract.js';
import { sessionsSecrets } from './client-sessions-secrets.contract.js';
import type { ContractRunner } from './contract-runner.js';

/** The repository that {@link sessionsContract} examines. */
export interface SessionsContractOptions<Repository extends Sessions = Sessions> {
  /** The repository's name, for the report. */
  name: string;
  /** Makes a repository without sessions, on a storage that no other case uses. Called for every case. */
  create: (options: SessionsOptions) => Repository | Promise<Repository>;
  /**
   * Makes another instance on the storage of one that `create` made, as another process has it. Leave it out where
   * sessions live in the process.
   */
  createPeer?: (first: Repository, options: SessionsOptions) => Sessions | Promise<Sessions>;
  /** All that the storage holds, as text, to look for credentials in it. Leave it out where nothing is at rest. */
  readStorage?: (sessions: Repository) => Promise<string>;
  /** Takes a repository of `create` away after its case. Default: calls its `disconnect`. */
  destroy?: (sessions: Repository) => void | Promise<void>;
}

/**
 * Checks that a repository keeps the contract of {@link Sessions}. For authors of custom backends:
 *
 * ```ts
 * import { describe, it } from 'node:test';
 * import { sessionsContract } from 'nestjs-mcp-sessions/testing';
 *
 * sessionsContract({ describe, it }, { name: 'MySessions', create: (options) => new MySessions(options) });
 * ```
 *
 * The backend takes its time from the option `now`: the cases let hours pass in no time.
 */
export function sessionsContract<Repository extends Sessions>(
  runner: ContractRunner,
  options: SessionsContractOptions<Repository>,
): void {
  const { name, create, createPeer, readStorage, destroy = (sessions) => sessions.disconnect() } = options;
  const declare: DeclareSessionsCase = (caseName, work, given = {}) => {
    runner.it(caseName, async () => {
      let time = Date.now();
      const now = (): number => time;
      const settings = { pendingTtlMs: PENDING_TTL_MS, dormantAfterMs: DORMANT_AFTER_MS, now, ...given };
      const sessions = await create(settings);
      const peers: Sessions[] = [];
      const peer = async (other: SessionsOptions = {}): Promise<Sessions> => {
        if (!createPeer) return sessions;
        const made = await createPeer(sessions, { ...settings, ...other });
        peers.push(made);
        return made;
      };
      const pass = (ms: number): void => void (time += ms);
      const read = readStorage && (() => readStorage(sessions));
      try {
        await work({ sessions, peer, pass, now, readStorage: read });
      } finally {
        for (const made of peers) await made.disconnect();
        await destroy(sessions);
      }
    });
  };
  runner.describe(`${name} keeps the contract of sessions repositories:`, () => {
    sessionsBasics(declare);
    sessionsLifetimes(declare);
    sessionsConcurrency(declare);
    sessionsLocks(declare);
    sessionsSecrets(declare, createPeer !== undefined);
  });
}
