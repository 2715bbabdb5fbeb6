import { afterEach, jest } from '@jest/globals';

// Helpers give up after eight seconds, and say on what; Jest's own limit must not be first.
jest.setTimeout(30_000);

const work: (() => unknown)[] = [];

/** Runs after the test that is under way, last registered first. */
export function cleanUpLater(task: () => unknown): void {
  work.push(task);
}

afterEach(async () => {
  for (const task of work.splice(0).reverse()) await task();
});
