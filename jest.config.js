/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/libs', '<rootDir>/src', '<rootDir>/test'],
  testRegex: '\\.(spec|e2e-spec)\\.ts$',
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: [
    '<rootDir>/dist/',
    '<rootDir>/libs/.*/dist/',
    '<rootDir>/test/conformance/(dist|suite)/',
  ],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-mcp-sessions$': '<rootDir>/libs/mcp-sessions/src/index.ts',
    '^nestjs-mcp-sessions/testing$': '<rootDir>/libs/mcp-sessions/src/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
  // Longer than what `eventually` and `within` wait, whose messages say what did not come.
  testTimeout: 20_000,
  // Most tests wait for timers and other processes, so every core may take one; Jest's default leaves one core idle.
  maxWorkers: '100%',
  reporters: ['default', '<rootDir>/test/support/count-reporter.js'],
  coverageProvider: 'babel',
  collectCoverageFrom: ['libs/*/src/**/*.ts', 'src/**/*.ts', '!**/*.spec.ts', '!**/index.ts'],
  coverageDirectory: 'coverage',
  coverageThreshold: { global: { lines: 85 } },
};
