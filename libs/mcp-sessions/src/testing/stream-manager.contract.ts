import {
  isResumable,
  type ReplayOptions,
  type ResumableStreamManager,
  type StreamManager,
} from '../streams/stream-manager.interface.js';
import type { ContractRunner } from './contract-runner.js';
import { streamManagerBasics } from './stream-manager-basics.contract.js';
import { streamManagerCluster } from './stream-manager-cluster.contract.js';
import { streamManagerClusterExtras, streamManagerExtras } from './stream-manager-extras.contract.js';
import { streamManagerFailures } from './stream-manager-failures.contract.js';
import { streamManagerHandover } from './stream-manager-handover.contract.js';
import { streamManagerInterleavings } from './stream-manager-interleavings.contract.js';
import { streamManagerLoss } from './stream-manager-loss.contract.js';
import { streamManagerReplay } from './stream-manager-replay.contract.js';

/** The manager that {@link streamManagerContract} examines. */
export interface StreamManagerContractOptions {
  /** The manager's name, for the report. */
  name: string;
  /**
   * Makes a manager without streams, which no other case uses. Called for every case. A manager with the second
   * contract keeps as much as `replay` says; without it, 256 events or more.
   */
  create: (replay?: ReplayOptions) => StreamManager | Promise<StreamManager>;
  /** Takes a manager of `create` or `createPeer` away after its case. Default: calls its `close`, if it has one. */
  destroy?: (manager: StreamManager) => void | Promise<void>;
  /** Makes another instance of the cluster that `manager` belongs to. Without it, only one instance is examined. */
  createPeer?: (manager: StreamManager) => StreamManager | Promise<StreamManager>;
  /** Whether events are kept for resuming. Default: whether the manager has the methods of the second contract. */
  replay?: boolean;
  /** Random sequences of events, breaks and resumptions to go through. Default 20. */
  interleavings?: number;
  /**
   * Whether a broadcast and an event of one session, sent one after the other, arrive in that order. Default `true`;
   * with `false`, each of the two kinds is in order for itself.
   */
  ordersBroadcasts?: boolean;
}

/** One case of the suite: declares `name`, and runs `work` on a manager of its own. */
export type ManagerCase<Manager extends StreamManager = StreamManager> = (
  name: string,
  work: (manager: Manager) => Promise<void>,
  replay?: ReplayOptions,
) => void;

/** One case of the suite about two instances of one cluster. */
export type ClusterCase = (
  name: string,
  work: (one: StreamManager, other: StreamManager) => Promise<void>,
) => void;

/**
 * Checks that a stream manager keeps the contract of {@link StreamManager}, and if it has the second contract, that
 * of {@link ResumableStreamManager}. For authors of custom managers:
 *
 * ```ts
 * import { describe, it } from 'node:test';
 * import { streamManagerContract } from 'nestjs-mcp-sessions/testing';
 *
 * streamManagerContract({ describe, it }, { name: 'MyStreamManager', create: () => new MyStreamManager() });
 * ```
 *
 * Delivery may take its time: the cases wait for it. Run them without fake timers.
 */
export function streamManagerContract(runner: ContractRunner, options: StreamManagerContractOptions): void {
  const { name, create, destroy = (manager) => manager.close?.(), createPeer, replay } = options;
  const managerCase: ManagerCase = (caseName, work, retention) => {
    runner.it(caseName, async () => {
      const manager = await create(retention);
      try {
        await work(manager);
      } finally {
        await destroy(manager);
      }
    });
  };
  runner.describe(`${name} keeps the contract of stream managers:`, () => {
    streamManagerBasics(managerCase);
    streamManagerFailures(managerCase);
  });
  if (createPeer) {
    const clusterCase: ClusterCase = (caseName, work) => {
      managerCase(caseName, async (one) => {
        const other = await createPeer(one);
        try {
          await work(one, other);
        } finally {
          await destroy(other);
        }
      });
    };
    runner.describe(`${name} is one cluster on all instances:`, () => {
      streamManagerCluster(clusterCase, options.ordersBroadcasts);
      streamManagerClusterExtras(clusterCase);
    });
  }
  if (replay === false) return;
  const resumableCase: ManagerCase<ResumableStreamManager> = (caseName, work, retention) => {
    managerCase(
      caseName,
      async (manager) => {
        if (replay || isResumable(manager)) await work(manager as ResumableStreamManager);
      },
      retention,
    );
  };
  runner.describe(`${name} keeps the contract of resumable streams:`, () => {
    streamManagerReplay(resumableCase);
    streamManagerHandover(resumableCase);
    streamManagerLoss(resumableCase);
    streamManagerInterleavings(resumableCase, options);
    streamManagerExtras(resumableCase);
  });
}
