import { beforeEach, describe, expect, it } from '@jest/globals';
import { SignalCursor, type SignalBatch, type StoredSignals } from './signal-cursor.js';

const LIFETIME_MS = 300_000;

let now: number;
let taken: string[];
let missed: number;
let cursor: SignalCursor;

beforeEach(() => {
  now = 1_000_000;
  taken = [];
  missed = 0;
  cursor = new SignalCursor(
    LIFETIME_MS,
    { onBatch: ({ signals }) => taken.push(signals), onMissed: () => (missed += 1) },
    () => now,
  );
  load([], { last: { offset: 0, id: '-' } });
});

/** Batches of the instance `a` from one offset on, each with its offset as its only signal. */
function batches(
  first: number,
  last: number,
  beforeFirst = first === 1 ? '-' : `a:${first - 1}`,
): SignalBatch[] {
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const offset = first + index;
    const previous = index === 0 ? beforeFirst : `a:${offset - 1}`;
    return { offset, id: `a:${offset}`, previous, signals: `${offset}` };
  });
}

function load(read: SignalBatch[], stored: Partial<StoredSignals> = {}, from = cursor.position): boolean {
  const kept = read.map((batch) => ({ ...batch, at: now }));
  const last = kept.at(-1) ?? cursor.position;
  return cursor.load({ continues: true, last, batches: kept, now, ...stored }, from, now);
}

function receive(...received: SignalBatch[]): boolean[] {
  return received.map((batch) => cursor.receive(batch));
}

describe('The place in the log of signals', () => {
  it('begins at its end', () => {
    cursor = new SignalCursor(LIFETIME_MS, {
      onBatch: ({ signals }) => taken.push(signals),
      onMissed: () => (missed += 1),
    });
    expect(receive(...batches(5, 5))).toEqual([false]);
    load([], { last: { offset: 5, id: 'a:5' } });
    expect(receive(...batches(6, 6))).toEqual([true]);
    expect([taken, missed]).toEqual([['6'], 0]);
  });

  it('takes what follows, and each batch once', () => {
    expect(receive(...batches(1, 2), ...batches(1, 3))).toEqual([true, true, true, true, true]);
    expect(taken).toEqual(['1', '2', '3']);
  });

  it('shows when something is missing, and goes on behind what was read', () => {
    const from = cursor.position;
    expect(receive(...batches(3, 3))).toEqual([false]);
    load(batches(1, 3), {}, from);
    expect(receive(...batches(3, 4))).toEqual([true, true]);
    expect([taken, missed]).toEqual([['1', '2', '3', '4'], 0]);
  });

  it('does not go back to what was read before messages came', () => {
    const from = cursor.position;
    receive(...batches(1, 3));
    load(batches(1, 2), {}, from);
    expect(receive(...batches(4, 4))).toEqual([true]);
    expect(taken).toEqual(['1', '2', '3', '4']);
  });

  it('reports what is no longer kept', () => {
    receive(...batches(1, 2));
    load(batches(9, 10), { continues: false });
    expect([taken, missed]).toEqual([['1', '2', '9', '10'], 1]);
  });

  it('is read again when messages have come since a log was read that does not go on there', () => {
    const from = cursor.position;
    receive(...batches(1, 2));
    expect(load(batches(9, 10), { continues: false }, from)).toBe(false);
    expect([taken, missed]).toEqual([['1', '2'], 0]);
  });

  it('is at the end of a log that has gone back, of which nothing comes twice', () => {
    receive(...batches(1, 5));
    load(batches(1, 3), { continues: false });
    expect(receive({ offset: 4, id: 'b:1', previous: 'a:3', signals: 'new' })).toEqual([true]);
    expect([taken, missed]).toEqual([['1', '2', '3', '4', '5', 'new'], 1]);
  });

  it('is not before its beginning when the log has gone back', () => {
    const before = { offset: 1, id: 'b:1', previous: '-', signals: 'before', at: now - 1 };
    load([], { continues: false, batches: [before], last: before });
    expect([taken, missed]).toEqual([[], 1]);
  });

  it('reports nothing when the log has ended because nobody signalled anything', () => {
    receive(...batches(1, 5));
    now += LIFETIME_MS - 1;
    load([]);
    now += 1;
    load([], { continues: false, last: undefined });
    expect(receive({ offset: 1, id: 'b:1', previous: '-', signals: 'new' })).toEqual([true]);
    expect([taken, missed]).toEqual([['1', '2', '3', '4', '5', 'new'], 0]);
  });

  it.each([
    ['too early', LIFETIME_MS - 1],
    ['unseen, and what came behind it may have ended as well', LIFETIME_MS],
  ])('reports it when the log has ended %s', (_, passed) => {
    receive(...batches(1, 5));
    now += passed;
    load([], { continues: false, last: undefined });
    expect(missed).toBe(1);
  });

  it('reports it when the beginning of the next log is no longer kept', () => {
    receive(...batches(1, 5));
    now += LIFETIME_MS - 1;
    load([]);
    now += 1;
    load([{ offset: 2, id: 'b:2', previous: 'b:1', signals: 'second' }], { continues: false });
    expect([taken.at(-1), missed]).toEqual(['second', 1]);
  });

  it('stays where it is when a batch comes that is not in the log, which is taken once', () => {
    receive(...batches(1, 2));
    const full = { offset: 0, id: 'a:4', previous: '-', signals: 'full' };
    expect(receive(full, full)).toEqual([true, true]);
    const repeated = { offset: 4, id: 'a:4', previous: 'a:3', signals: 'full' };
    load([...batches(3, 3), repeated]);
    expect(receive(...batches(5, 5))).toEqual([true]);
    expect([taken, missed]).toEqual([['1', '2', 'full', '3', '5'], 0]);
  });
});
