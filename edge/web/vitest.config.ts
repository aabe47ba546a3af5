import { defineConfig, mergeConfig } from 'vitest/config'
import app from './vite.config.ts'

// Apart from vite.config.ts, which `make run` reads: what tests need is not installed there.
export default mergeConfig(
  app,
  defineConfig({
    test: {
      environment: 'happy-dom',
      include: ['src/**/*.spec.ts', 'tests/**/*.spec.ts'],
      restoreMocks: true,
      // So that tests see it with the same `entities` as browsers do.
      server: { deps: { inline: ['markdown-it'] } },
      coverage: {
        provider: 'v8',
        include: ['src/**/*.{ts,vue}'],
        exclude: ['src/**/*.spec.ts', 'src/**/*.d.ts', 'src/sdk/wire.ts', 'src/main.ts'],
        reporter: ['text-summary', 'html'],
        thresholds: { lines: 90, branches: 90 },
      },
    },
  }),
)
