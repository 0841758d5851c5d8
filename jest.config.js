/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testEnvironment: 'node',
  injectGlobals: false,
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/packages/tooling/jest/strip-types.ts' },
  maxWorkers: 2,
  // Each start of a program copies the page tables of the worker that starts it.
  workerIdleMemoryLimit: '200MB',
  testTimeout: 30_000,
  reporters: ['default', '<rootDir>/packages/tooling/jest/left-out.ts'],
}
