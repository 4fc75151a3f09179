import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url))
const folder = fileURLToPath(new URL('reported', import.meta.url))

function run(...args: string[]) {
  // Without the variables by which a vitest inside vitest takes itself for a worker.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^VITEST|^TEST$|^NODE_ENV$/.test(name)),
  )
  return spawnSync(process.execPath, [vitest, 'run', '--root', folder, ...args], { encoding: 'utf8', env })
}

test('the last line counts every outcome once, and the run fails', () => {
  const { status, stdout } = run()
  // Failed: one test, one file that does not load, one hook, one unhandled error.
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('5 passed, 4 failed, 2 skipped')
  expect(stdout.match(/\d+ passed, \d+ failed/g)).toHaveLength(1)
  expect(status).toBe(1)
})

test('a run whose tests were filtered counts the others as skipped', () => {
  const { status, stdout } = run('all-outcomes', '-t', '^passes')
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('3 passed, 0 failed, 5 skipped')
  expect(status).toBe(0)
})
