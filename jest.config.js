/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testEnvironment: 'node',
  injectGlobals: false,
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/packages/tooling/jest/strip-types.ts' },
  maxWorkers: 2,
  testTimeout: 30_000,
  reporters: ['default', '<rootDir>/packages/tooling/jest/left-out.ts'],
}
