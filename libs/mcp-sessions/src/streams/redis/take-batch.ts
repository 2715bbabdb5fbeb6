/** How much one batch carries. */
export interface BatchBounds {
  items: number;
  /** Characters of SSE text. One item is taken whatever its size. */
  chars: number;
}

/** Takes from the beginning of what waits as much as one batch carries. */
export function takeBatch<Item extends { chars: number }>(waiting: Item[], most: BatchBounds): Item[] {
  let count = 0;
  let chars = 0;
  while (count < waiting.length && count < most.items) {
    chars += waiting[count]!.chars;
    if (count > 0 && chars > most.chars) break;
    count += 1;
  }
  return waiting.splice(0, count);
}
