import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Mutant } from '../src/experiment.js'
import { gapHunter } from '../src/experiments/gap-hunter.js'
import { judgeRun } from '../src/judge-run.js'
import { lastValueFence } from '../src/mutants/last-value-fence.js'
import { runExperiment } from '../src/run-experiment.js'

let historyFolder: string
beforeAll(async () => {
  historyFolder = await mkdtemp(join(tmpdir(), 'tidemark-faults-'))
})
afterAll(() => rm(historyFolder, { recursive: true }))

const hunt = (mutant?: Mutant) =>
  runExperiment(gapHunter, {
    size: 'hunt',
    seed: 11,
    postgres: { url: inject('postgresUrl'), directUrl: inject('postgresDirectUrl') },
    historyFolder,
    mutant,
    signal: new AbortController().signal,
  })

test('readers behind concurrent writers skip nothing', async () => {
  const report = await hunt()
  expect(report).toMatchObject({ error: undefined, verdict: { violations: [] } })
  expect(report.events).toBeGreaterThan(500)
})

test('a head that ignores open transactions is found out by the same load', async () => {
  const report = await hunt(lastValueFence)
  expect(judgeRun(report, lastValueFence)).toBe('caught')
})
