import { defineConfig } from 'vitest/config'

// `unit` needs nothing but Node. `integration` shares one real control plane and one real PostgreSQL (test/world/global.ts).
// `flow` starts the whole local world and a browser, one file at a time. `cluster` is for `npm run test:cluster`.
export default defineConfig({
  test: {
    // What comes is waited for as long as a busy machine may need; only what never comes costs the time.
    expect: { poll: { timeout: 30_000 } },
    testTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.real.test.ts', 'test/flow/**', 'test/cluster/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.real.test.ts'],
          exclude: ['test/flow/**'],
          globalSetup: ['test/world/global.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          globalSetup: ['test/cluster/global.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'flow',
          include: ['test/flow/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
