import { rename, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase, type KafkaServer, type PostgresServer, type TestDatabase } from '@tidemark/test-servers'
import pg from 'pg'
import { checkEvidence, type Verdict } from './checks/check-evidence.js'
import type { Experiment, ExperimentContext, Mutant } from './experiment.js'
import { SkippedError } from './fault-lab-error.js'
import { createHistoryWriter } from './history/history-writer.js'
import { readHistory } from './history/read-history.js'
import { createRandom } from './random.js'

export interface RunOptions {
  readonly size: ExperimentContext['size']
  readonly seed: number
  /** Into how many lanes bridges are split; 1 unless said. */
  readonly lanes?: number
  readonly postgres: Pick<PostgresServer, 'url' | 'directUrl'>
  readonly kafka?: KafkaServer | undefined
  /** Where histories are kept; a folder per experiment, emptied by its next run. */
  readonly historyFolder: string
  readonly mutant?: Mutant | undefined
  readonly signal: AbortSignal
}

/** How a run went. */
export interface RunReport {
  readonly experiment: string
  readonly mutant: string | undefined
  readonly seed: number
  readonly size: ExperimentContext['size']
  readonly tookMs: number
  /** How many events the log had in the end. */
  readonly events: number
  readonly verdict: Verdict
  /** Why it broke off, if it did. */
  readonly error: string | undefined
  /** Why it cannot run on this machine; it proved nothing then. */
  readonly skipped: string | undefined
  /** Where its history is. */
  readonly folder: string
}

/**
 * Runs an experiment on a database of its own, then reads the history back and checks it.
 *
 * An experiment that breaks off is reported, not thrown. The history of a run that failed is kept under `failed/`.
 */
export async function runExperiment(experiment: Experiment, options: RunOptions): Promise<RunReport> {
  const { size, seed, lanes = 1, postgres, kafka, historyFolder, mutant, signal } = options
  const name = mutant ? `${experiment.name}.${mutant.name}` : experiment.name
  const folder = join(historyFolder, name)
  const history = await createHistoryWriter(folder)
  const beganAt = performance.now()
  let database: TestDatabase | undefined
  let broke: unknown
  // A driver that ends the process when a connection breaks is one of the faults that are looked for.
  const onUncaught = (error: unknown) => (broke ??= error)
  process.on('uncaughtException', onUncaught)
  process.on('unhandledRejection', onUncaught)
  try {
    const server = { url: postgres.url, directUrl: postgres.directUrl, runId: `faults${process.pid}` }
    database = await createTestDatabase({ server })
    // Migrated by itself: a template would stay behind on a server that is not ours.
    await databaseTemplate.prepare(database.directUrl)
    await applyMutant(database, mutant)
    await experiment.run({ size, random: createRandom(seed), lanes, database, kafka, history, mutant, signal })
  } catch (error) {
    broke ??= error
  } finally {
    await history.close()
    await database?.drop().catch((error: unknown) => (broke ??= error))
    process.off('uncaughtException', onUncaught)
    process.off('unhandledRejection', onUncaught)
  }
  const tookMs = Math.round(performance.now() - beganAt)
  const evidence = await readHistory(folder)
  const verdict = checkEvidence(evidence, experiment.checks)
  const skipped = broke instanceof SkippedError ? broke.message : undefined
  const error = broke === undefined || skipped !== undefined ? undefined : textOf(broke)
  const failed = !mutant && skipped === undefined && (error !== undefined || verdict.violations.length > 0)
  return {
    experiment: experiment.name,
    mutant: mutant?.name,
    seed,
    size,
    tookMs,
    events: evidence.log.length,
    verdict,
    error,
    skipped,
    folder: failed ? await keep(folder, historyFolder, `${name}-${seed}`) : folder,
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : inspect(error)
}

async function applyMutant(database: TestDatabase, mutant: Mutant | undefined): Promise<void> {
  if (!mutant?.changeDatabase) return
  const client = new pg.Client({ connectionString: database.directUrl })
  await client.connect()
  try {
    await mutant.changeDatabase(client)
  } finally {
    await client.end()
  }
}

async function keep(folder: string, historyFolder: string, name: string): Promise<string> {
  const kept = join(historyFolder, 'failed', `${name}-${Math.round(Date.now() / 1000)}`)
  await mkdir(join(historyFolder, 'failed'), { recursive: true })
  await rename(folder, kept)
  return kept
}
