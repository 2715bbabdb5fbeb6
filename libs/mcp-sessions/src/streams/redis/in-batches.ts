/** Does the work to `size` items at a time, all at once. @returns the results, in the order of the items */
export function inBatches<Item, Result>(
  items: Item[],
  size: number,
  work: (batch: Item[]) => Promise<Result>,
): Promise<Result[]> {
  const batches: Promise<Result>[] = [];
  for (let start = 0; start < items.length; start += size) {
    batches.push(work(items.slice(start, start + size)));
  }
  return Promise.all(batches);
}
