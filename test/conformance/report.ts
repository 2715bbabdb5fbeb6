import type { ConformanceArguments } from './arguments.js';
import type { CheckResult } from './checks.js';

/**
 * Prints each scenario, each check that did not pass, and the totals as the last line.
 * @returns Whether there were checks, and all of them passed.
 */
export function printResults({ revision, instances }: ConformanceArguments, results: CheckResult[]): boolean {
  const scenarios = new Set(results.map((result) => result.scenario));
  for (const scenario of scenarios) {
    const ofScenario = results.filter((result) => result.scenario === scenario);
    const failed = ofScenario.filter((result) => !result.passed);
    const passed = ofScenario.length - failed.length;
    console.log(`${failed.length === 0 ? '✓' : '✗'} ${scenario} ${passed}/${ofScenario.length}`);
    for (const { id, message } of failed) console.log(`    ${id}: ${message}`);
  }

  const passed = results.filter((result) => result.passed).length;
  const over = `${instances} ${instances === 1 ? 'instance' : 'instances'}`;
  console.log(`conformance ${revision} over ${over}: ${passed}/${results.length} checks passed`);
  return results.length > 0 && passed === results.length;
}

/** Prints what a process wrote, if it wrote anything. */
export function printOutput(who: string, output: string): void {
  if (output.trim()) console.log(`${who} wrote:\n${output.trimEnd().replace(/^/gm, '    ')}`);
}
