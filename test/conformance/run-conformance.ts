import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConformanceArguments, parseArguments, UsageError } from './arguments.js';
import { type CheckResult, failure, missingChecks, readCheckResults } from './checks.js';
import { stopChildrenOnExit } from './child-process.js';
import { startFixtureCluster } from './fixture-cluster.js';
import { startFixture } from './fixture-process.js';
import { printOutput, printResults } from './report.js';
import { requiredChecksOf } from './revisions.js';
import { installSuite, runSuite, type SuiteRun } from './suite.js';

stopChildrenOnExit();
try {
  const args = parseArguments(process.argv.slice(2));
  await installSuite();
  // Nothing waits for what was started: it ends with this process.
  process.exit(printResults(args, await checkConformance(args)) ? 0 : 1);
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  process.exit(error instanceof UsageError ? 2 : 1);
}

async function checkConformance({ revision, instances }: ConformanceArguments): Promise<CheckResult[]> {
  const directory = temporaryDirectory();
  const fixture = await (instances === 1 ? startFixture() : startFixtureCluster(instances));
  let suite: SuiteRun;
  try {
    suite = await runSuite(fixture.url, revision, directory);
  } finally {
    await fixture.stop();
  }

  const results = await readCheckResults(directory);
  results.push(...missingChecks(results, requiredChecksOf(revision)));
  if (suite.exitCode !== 0 && results.every((result) => result.passed)) {
    results.push(failure('the suite', 'exit-code', `It ended with exit code ${suite.exitCode}`));
    printOutput('The suite', suite.output);
  }
  if (results.some((result) => !result.passed)) printOutput('The fixture server', fixture.output());
  return results;
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mcp-conformance-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
