import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequiredChecks } from './revisions.js';

/** One check of one scenario, as it counts here: passed, or not. */
export interface CheckResult {
  scenario: string;
  id: string;
  passed: boolean;
  /** Why it did not pass. */
  message?: string;
}

/** A check as the suite writes it to `checks.json`. */
interface SuiteCheck {
  id: string;
  description: string;
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  errorMessage?: string;
  details?: { message?: string };
}

/** The suite names the directory of a scenario's results `server-<scenario>-<time>`. */
const resultDirectory = /^server-(?<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/;

/**
 * Reads the checks of all scenarios that the suite ran into `directory`. A scenario that left no checks counts as a
 * failed one.
 */
export async function readCheckResults(directory: string): Promise<CheckResult[]> {
  const names = await readdir(directory);
  const results = await Promise.all(
    names.map(async (name) => {
      const scenario = resultDirectory.exec(name)?.groups?.['scenario'] ?? name;
      const checks = await readChecks(join(directory, name, 'checks.json'));
      if (typeof checks === 'string') return [failure(scenario, 'checks.json', checks)];
      const counted = checks.flatMap((check) => countedResult(scenario, check));
      return counted.length > 0
        ? counted
        : [failure(scenario, 'checks.json', 'The scenario checked nothing')];
    }),
  );
  return results.flat();
}

/** One failed result for each required check that is not among those that were made. */
export function missingChecks(results: CheckResult[], required: RequiredChecks): CheckResult[] {
  return Object.entries(required).flatMap(([scenario, ids]) =>
    ids
      .filter((id) => !results.some((result) => result.scenario === scenario && result.id === id))
      .map((id) => failure(scenario, id, 'The suite did not make this required check')),
  );
}

/** A result for a check that did not pass. */
export function failure(scenario: string, id: string, message: string): CheckResult {
  return { scenario, id, passed: false, message };
}

async function readChecks(file: string): Promise<SuiteCheck[] | string> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as SuiteCheck[];
  } catch (error) {
    return `The scenario left no readable results: ${String(error)}`;
  }
}

/**
 * `INFO` records what happened and judges nothing. A warning, and a check that was skipped, is what the specification
 * only recommends, or makes optional: this library does those too, so they count as failed.
 */
function countedResult(scenario: string, check: SuiteCheck): CheckResult[] {
  if (check.status === 'INFO') return [];
  if (check.status === 'SUCCESS') return [{ scenario, id: check.id, passed: true }];
  const reason = check.errorMessage ?? check.details?.message ?? check.description;
  return [failure(scenario, check.id, `${check.status}: ${reason}`)];
}
