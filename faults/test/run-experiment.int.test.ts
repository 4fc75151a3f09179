import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Experiment } from '../src/experiment.js'
import { SkippedError } from '../src/fault-lab-error.js'
import { runExperiment } from '../src/run-experiment.js'

let historyFolder: string
beforeAll(async () => {
  historyFolder = await mkdtemp(join(tmpdir(), 'tidemark-faults-'))
})
afterAll(() => rm(historyFolder, { recursive: true }))

const runThrowing = (error: Error) => {
  const experiment: Experiment = {
    ...{ name: 'throwing', group: 'bridge', summary: 'throws', checks: ['I7'] },
    run: () => Promise.reject(error),
  }
  const postgres = { url: inject('postgresUrl'), directUrl: inject('postgresDirectUrl') }
  const { signal } = new AbortController()
  return runExperiment(experiment, { size: 'short', seed: 1, postgres, historyFolder, signal })
}

test('an experiment that cannot run here says why, and has not failed', async () => {
  const report = await runThrowing(new SkippedError('there is no Java'))
  expect(report).toMatchObject({ skipped: 'there is no Java', error: undefined })
  expect(report.folder).not.toContain('failed')
})

test('an experiment that breaks off has failed', async () => {
  const report = await runThrowing(new Error('broken'))
  expect(report).toMatchObject({ skipped: undefined, error: expect.stringContaining('broken') })
  expect(report.folder).toContain('failed')
})
