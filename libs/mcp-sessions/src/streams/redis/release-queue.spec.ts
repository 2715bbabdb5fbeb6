import { describe, expect, it } from '@jest/globals';
import { MOST_WAITING, ReleaseQueue } from './release-queue.js';
import type { StreamDirectory } from './stream-directory.js';
import type { Release } from './stream-directory.interface.js';

describe('ReleaseQueue', () => {
  const releaseOf = (claim: number): Release => ({ session: 'session', field: 'main', claim: `${claim}` });

  function queueOn(release: (releases: Release[]) => Promise<void>): ReleaseQueue {
    return new ReleaseQueue({ release } as StreamDirectory, () => undefined);
  }

  it('tells again what could not be told, in its order', async () => {
    const told: Release[][] = [];
    let isAway = true;
    const queue = queueOn(async (releases) => {
      if (isAway) throw new Error('away');
      told.push(releases);
    });
    queue.add(releaseOf(1));
    const failing = queue.flush();
    queue.add(releaseOf(2));
    await expect(failing).rejects.toThrow('away');
    isAway = false;
    await queue.flush();
    await queue.flush();
    expect(told).toEqual([[releaseOf(1), releaseOf(2)]]);
  });

  it('keeps the newest of very many', async () => {
    const told: Release[][] = [];
    let isAway = true;
    const queue = queueOn(async (releases) => {
      if (isAway) throw new Error('away');
      told.push(releases);
    });
    for (let claim = 0; claim < 2 * MOST_WAITING; claim++) {
      queue.add(releaseOf(claim));
      if (claim % 50_000 === 0) await expect(queue.flush()).rejects.toThrow('away');
    }
    isAway = false;
    await queue.flush();
    expect(told).toHaveLength(1);
    expect(told[0]!.length).toBeLessThanOrEqual(MOST_WAITING);
    expect(told[0]!.at(-1)).toEqual(releaseOf(2 * MOST_WAITING - 1));
  });
});
