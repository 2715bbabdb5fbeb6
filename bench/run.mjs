/* Command line of the benchmarks: see README.md. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildLibrary, installPeers } from './lib/prepare.mjs';
import { runRow, targetText } from './lib/row.mjs';

const ROWS = new URL('rows/', import.meta.url);
const RESULTS = new URL('results/', import.meta.url);

/** @returns {Promise<import('./lib/row.mjs').Row[]>} */
async function loadRows() {
  const files = readdirSync(ROWS)
    .filter((file) => file.endsWith('.mjs'))
    .sort();
  return Promise.all(files.map(async (file) => (await import(new URL(file, ROWS).href)).default));
}

/** @param {{ row: string }} result */
function writeResult(result) {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL(`${result.row}.json`, RESULTS), `${JSON.stringify(result, null, 2)}\n`);
}

/** @param {import('./lib/row.mjs').Row[]} rows @param {boolean} quick */
async function runRows(rows, quick) {
  let met = 0;
  for (const row of rows) {
    try {
      const result = await runRow(row, { quick });
      if (result.met) met++;
      if (!quick) writeResult(result);
    } catch (error) {
      process.exitCode = 1;
      console.error(`  ${row.name} could not be measured:`, error);
    }
  }
  return met;
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

const all = await loadRows();
const unknown = (values.only ?? []).filter((name) => !all.some((row) => row.name === name));
if (unknown.length) throw new Error(`no such row: ${unknown.join(', ')}; --list names them`);
const rows = all.filter((row) => !values.only || values.only.includes(row.name));

if (values.list) {
  for (const row of rows)
    console.log(`${row.name}: ${row.what}, against ${row.against} (${targetText(row.target)})`);
} else {
  installPeers();
  buildLibrary();
  const met = await runRows(rows, values.quick);
  if (values.check && met < rows.length) process.exitCode = 1;
  if (values.quick) console.log('\nquick: smaller sizes, for a first look; nothing was written to results/');
  console.log(`${values.quick ? '' : '\n'}bench: ${met} of ${rows.length} targets met`);
}
