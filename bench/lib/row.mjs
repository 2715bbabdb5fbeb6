import { machine, packageVersions } from './machine.mjs';
import { measurePairs } from './pairs.mjs';
import { short, summarize } from './statistics.mjs';

/**
 * One comparison.
 * @typedef {object} Row
 * @property {string} name
 * @property {string} what What is measured, in one line.
 * @property {string} against What it is compared with.
 * @property {string} unit Of both sides' figures.
 * @property {{ atMost: number } | { atLeast: number }} target For the median of ours / theirs.
 * @property {string[]} packages Whose versions the result names; `… (ours)` where both sides bring their own.
 * @property {{ full: Size, quick: Size }} sizes
 * @property {boolean} [together] Both sides of a pair at the same time; else one after the other.
 * @property {(size: any) => Promise<Shared>} [share] Starts what both sides use, as a Redis server; it is stopped after the row.
 * @property {{ ours: Measure, theirs: Measure }} measure
 *
 * @typedef {{ pairs: number, [detail: string]: any }} Size
 * @typedef {{ stop: () => Promise<void>, [detail: string]: any }} Shared
 * @typedef {(size: any, shared: any) => Promise<import('./pairs.mjs').Figure>} Measure
 */

/** @param {Row['target']} target @param {number} ratio */
function meets(target, ratio) {
  return 'atMost' in target ? ratio <= target.atMost : ratio >= target.atLeast;
}

/** @param {Row['target']} target */
export function targetText(target) {
  return 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
}

/** @param {Row} row @param {Size} size */
async function measureRow(row, size) {
  const shared = await row.share?.(size);
  try {
    return await measurePairs(
      size.pairs,
      { ours: () => row.measure.ours(size, shared), theirs: () => row.measure.theirs(size, shared) },
      ({ ours, theirs, ratio }) =>
        console.log(
          `  ours ${short(ours.value)}, theirs ${short(theirs.value)} ${row.unit}: ${short(ratio)}`,
        ),
      { together: row.together },
    );
  } finally {
    await shared?.stop();
  }
}

/**
 * Runs a row and says on standard output how it went.
 * @param {Row} row @param {{ quick: boolean }} options
 */
export async function runRow(row, { quick }) {
  const size = quick ? row.sizes.quick : row.sizes.full;
  const before = machine();
  console.log(`\n${row.name}: ${row.what}, against ${row.against}`);
  if (quick) console.log(`  quick: ${JSON.stringify(size)}`);
  const pairs = await measureRow(row, size);
  const ratio = summarize(pairs.map((pair) => pair.ratio));
  const met = meets(row.target, ratio.median);
  console.log(
    `  ours/theirs: median ${short(ratio.median)} (quartiles ${short(ratio.q1)}–${short(ratio.q3)}, ` +
      `range ${short(ratio.min)}–${short(ratio.max)}), target ${targetText(row.target)}: ${met ? 'met' : 'MISSED'}`,
  );
  return {
    row: row.name,
    what: row.what,
    against: row.against,
    unit: row.unit,
    target: `ours/theirs ${targetText(row.target)}`,
    met,
    ratio,
    ours: summarize(pairs.map((pair) => pair.ours.value)),
    theirs: summarize(pairs.map((pair) => pair.theirs.value)),
    size,
    date: new Date().toISOString(),
    machine: before,
    node: process.version,
    packages: packageVersions(row.packages),
    pairs,
  };
}
