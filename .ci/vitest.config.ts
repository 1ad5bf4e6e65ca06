import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    maxWorkers: 2,
    // What is waited for comes soon, also on a busy machine; how soon is measured by the benchmarks.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    reporters: ['default'],
  },
});
