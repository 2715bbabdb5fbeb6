/** Closes Jest's output with one line that a machine can read. A file that could not run counts as a failure. */
export default class CountReporter {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // On exit, because Jest prints its own summary after every other reporter.
    process.once('exit', () => console.log(`${results.numPassedTests} passed, ${failed} failed`));
  }
}
