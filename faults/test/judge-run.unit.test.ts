import { expect, test } from 'vitest'
import type { CheckName } from '../src/checks/check.js'
import { judgeRun } from '../src/judge-run.js'
import { lastValueFence } from '../src/mutants/last-value-fence.js'

const run = (broken: readonly CheckName[], error?: string) => ({
  verdict: {
    checked: [],
    violations: broken.map((check) => ({ check, promise: '', count: 1, examples: ['x'] })),
  },
  error,
})

test('the product passes only without a violation and without an error', () => {
  expect(judgeRun(run([]))).toBe('passed')
  expect(judgeRun(run(['I3']))).toBe('failed')
  expect(judgeRun(run([], 'it broke off'))).toBe('failed')
})

test('a mutant is caught only by the check that is meant for it, in a run that came to its end', () => {
  expect(judgeRun(run(['I4']), lastValueFence)).toBe('caught')
  expect(judgeRun(run([]), lastValueFence)).toBe('survived')
  expect(judgeRun(run(['I1']), lastValueFence)).toBe('survived')
  expect(judgeRun(run(['I4'], 'it broke off'), lastValueFence)).toBe('survived')
})
