/**
 * What a contract suite needs of a test runner. The functions of Jest, Vitest, Mocha and `node:test` fit as
 * they are: `{ describe, it }`.
 */
export interface ContractRunner {
  /** Declares a group of cases. */
  describe(name: string, declareCases: () => void): unknown;
  /** Declares a case; it has failed if the promise rejects. */
  it(name: string, run: () => Promise<void>): unknown;
}
