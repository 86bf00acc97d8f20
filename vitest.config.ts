import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup/template.ts'],
    setupFiles: ['test/setup/closing.ts'],
    reporters: ['default', './test/setup/summary.ts'],
    // A process a file: each holds a database, and an embedded one is a whole PostgreSQL.
    pool: 'forks',
    maxWorkers: 2,
    // A guard against a hang, no measure of speed: a machine may be slow, or busy.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Node loads the built package itself: what is tested is what ships.
    server: { deps: { external: [/\/dist\//] } },
  },
})
