/** Slots of a Cluster. */
const SLOTS = 16_384;

/** What `CLUSTER SLOTS` says of a range of slots. */
type SlotRange = [
  from: number,
  to: number,
  primary: [host: string, port: number, ...unknown[]],
  ...unknown[],
];

/** A Cluster's client, as far as it takes to find the primaries. */
export interface ClusterTopology<Node> {
  /** What a node, whichever, answers to `CLUSTER SLOTS`. */
  askSlots(): Promise<unknown>;
  /** The primary at this address (`host:port`, as in that answer), if the client knows it. */
  primaryAt(address: string): Node | undefined;
  /** Has the client find out anew which nodes there are. */
  refresh(): Promise<void>;
}

/**
 * All nodes that own slots. A client learns of a new one when a command with a key is sent to the wrong node, and may
 * forget one when the connection to it breaks: what such a node holds would be missing without a word.
 *
 * @throws Error the client does not reach all of them, or there are slots that no node owns
 */
export async function findPrimaries<Node>(cluster: ClusterTopology<Node>): Promise<Node[]> {
  const primaries = primariesIn(await cluster.askSlots(), cluster);
  if (!primaries.includes(undefined)) return primaries as Node[];
  await cluster.refresh();
  const refreshed = primariesIn(await cluster.askSlots(), cluster);
  const reached = refreshed.filter((node) => node !== undefined);
  if (reached.length === refreshed.length) return reached;
  throw new Error(`The Cluster client reaches ${reached.length} of ${refreshed.length} primaries`);
}

function primariesIn<Node>(answer: unknown, cluster: ClusterTopology<Node>): (Node | undefined)[] {
  const ranges = answer as SlotRange[];
  const owned = ranges.reduce((count, [from, to]) => count + to - from + 1, 0);
  // As of a node that has been taken out of the Cluster, which knows no other any more.
  if (owned < SLOTS) throw new Error(`${SLOTS - owned} slots of the Cluster have no owner`);
  const owners = new Set(ranges.map(([, , [host, port]]) => `${host}:${port}`));
  return Array.from(owners, (address) => cluster.primaryAt(address));
}
