/** The longest delay that Node's timers take; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Keys that one run of the timer expires; the rest follow in the next, so that requests get their turn. */
const EXPIRED_PER_TIMER = 1_000;

interface Entry<Key> {
  key: Key;
  dueAt: number;
}

/**
 * Calls back for keys whose time has come, with one timer for all of them. Moving a key's deadline further into
 * the future costs nothing: the queue asks for the real deadline when the old one is reached.
 */
export class ExpiryQueue<Key = string> {
  /** A binary heap, the earliest entry first. Entries that are no longer in `queued` are dropped when met. */
  private heap: Entry<Key>[] = [];
  private readonly queued = new Map<Key, Entry<Key>>();
  private timer: NodeJS.Timeout | undefined;
  private timerDueAt = Infinity;

  /**
   * @param deadlineOf the key's deadline, in milliseconds since the epoch; `undefined` if it has none any more
   * @param expire called for each key whose deadline has passed
   * @param now the clock, in milliseconds since the epoch
   */
  constructor(
    private readonly deadlineOf: (key: Key) => number | undefined,
    private readonly expire: (key: Key) => void,
    private readonly now: () => number = () => Date.now(),
  ) {}

  /** Makes sure that the key is looked at when its deadline comes. Call it after setting a deadline. */
  watch(key: Key): void {
    const dueAt = this.deadlineOf(key);
    if (dueAt === undefined) return;
    const entry = this.queued.get(key);
    if (entry && entry.dueAt <= dueAt) return;
    this.push({ key, dueAt });
    this.compact();
    this.schedule();
  }

  /** Stops watching the key. */
  forget(key: Key): void {
    if (this.queued.delete(key)) this.compact();
  }

  /** Expires what is due now, without waiting for the timer. */
  run(): void {
    this.expireDue(Infinity);
  }

  /** Forgets every key and stops the timer. */
  clear(): void {
    this.heap = [];
    this.queued.clear();
    this.schedule();
  }

  /** Stops the timer until the queue is used again. */
  pause(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.timerDueAt = Infinity;
  }

  private expireDue(atMost: number): void {
    const now = this.now();
    let expired = 0;
    try {
      for (let first = this.heap[0]; first && first.dueAt <= now; first = this.heap[0]) {
        if (expired >= atMost) break;
        this.pop();
        if (this.queued.get(first.key) !== first) continue;
        this.queued.delete(first.key);
        const dueAt = this.deadlineOf(first.key);
        if (dueAt === undefined) continue;
        if (dueAt > now) {
          this.push({ key: first.key, dueAt });
        } else {
          expired += 1;
          this.expire(first.key);
        }
      }
    } finally {
      this.schedule();
    }
  }

  private schedule(): void {
    const dueAt = this.heap[0]?.dueAt ?? Infinity;
    if (dueAt === this.timerDueAt) return;
    this.pause();
    if (dueAt === Infinity) return;
    this.timerDueAt = dueAt;
    const delay = Math.min(Math.max(dueAt - this.now(), 0), LONGEST_TIMER_MS);
    this.timer = setTimeout(() => {
      this.timerDueAt = Infinity;
      this.expireDue(EXPIRED_PER_TIMER);
    }, delay).unref();
  }

  /** Drops entries that were forgotten or replaced, which would otherwise stay until they are due. */
  private compact(): void {
    if (this.heap.length <= 2 * this.queued.size + 64) return;
    // A sorted array is a heap.
    this.heap = [...this.queued.values()].sort((one, other) => one.dueAt - other.dueAt);
    this.schedule();
  }

  private push(entry: Entry<Key>): void {
    this.queued.set(entry.key, entry);
    const { heap } = this;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.dueAt <= entry.dueAt) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.dueAt < heap[child]!.dueAt) child += 1;
      if (heap[child]!.dueAt >= last.dueAt) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}
