/**
 * One measurement of one side: `value` decides, the rest is written down with it.
 * @typedef {{ value: number, [detail: string]: unknown }} Figure
 * @typedef {{ first: 'ours' | 'theirs', ours: Figure, theirs: Figure, ratio: number }} Pair
 */

/**
 * Measures both sides in turn, `count` times. Which side goes first alternates, so that a machine that grows
 * slower or faster meanwhile favours neither.
 * @param {number} count
 * @param {{ ours: () => Promise<Figure>, theirs: () => Promise<Figure> }} measure
 * @param {(pair: Pair) => void} report
 * @param {{ together?: boolean }} [options] `together` measures both sides of a pair at the same time: for what one
 * process does not take from the other, as memory.
 */
export async function measurePairs(count, measure, report, { together = false } = {}) {
  /** @type {Pair[]} */
  const pairs = [];
  for (let i = 0; i < count; i++) {
    /** @type {'ours' | 'theirs'} */
    const first = i % 2 === 0 ? 'ours' : 'theirs';
    const second = first === 'ours' ? 'theirs' : 'ours';
    const started = measure[first]();
    if (!together) await started;
    const [one, other] = await Promise.all([started, measure[second]()]);
    const [ours, theirs] = first === 'ours' ? [one, other] : [other, one];
    /** @type {Pair} */
    const pair = { first, ours, theirs, ratio: ours.value / theirs.value };
    pairs.push(pair);
    report(pair);
  }
  return pairs;
}
