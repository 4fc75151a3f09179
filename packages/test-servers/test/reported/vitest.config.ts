import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['*.test.ts'],
    reporters: ['default', fileURLToPath(new URL('../../src/plain-reporter.ts', import.meta.url))],
  },
})
