import { startKafka, startPostgres, type KafkaServer, type KafkaUnavailable } from '@tidemark/test-servers'
import type { Experiment } from './experiment.js'
import { judgeRun, isGood } from './judge-run.js'
import { mutants } from './mutants/index.js'
import type { LabRequest } from './parse-arguments.js'
import { reportAsJson, reportAsText } from './report.js'
import { runExperiment } from './run-experiment.js'

export interface LabOptions {
  readonly historyFolder: string
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Runs what was asked for, one experiment at a time, on a Postgres of its own; true when all went well.
 *
 * With mutants, the product itself goes first: a check that fails it as well would catch anything.
 */
export async function runLab(
  request: Extract<LabRequest, { action: 'run' }>,
  { historyFolder, print, signal }: LabOptions,
): Promise<boolean> {
  const postgres = await startPostgres({ settings: { max_connections: '300', io_method: 'sync' } })
  let kafka: KafkaServer | KafkaUnavailable | undefined
  let skipped = 0
  let good = 0
  let bad = 0
  try {
    for (const experiment of request.experiments) {
      if (experiment.needs === 'kafka') kafka ??= await startKafka()
      if (experiment.needs === 'kafka' && kafka?.kind === 'unavailable') {
        skipped++
        print(request.json ? skippedAsJson(experiment, kafka.reason) : skippedAsText(experiment, kafka.reason))
        continue
      }
      const variants = request.mutants ? mutants.filter((mutant) => mutant.experiment === experiment.name) : []
      for (let run = 0; run < request.runs; run++) {
        for (const mutant of [undefined, ...variants]) {
          if (signal.aborted) break
          const size = request.mutants ? 'hunt' : request.size
          const seed = request.seed + run
          const report = await runExperiment(experiment, {
            ...{ size, seed, lanes: request.lanes, postgres, historyFolder, mutant, signal },
            kafka: kafka?.kind === 'unavailable' ? undefined : kafka,
          })
          if (report.skipped !== undefined) {
            skipped++
            print(request.json ? skippedAsJson(experiment, report.skipped) : skippedAsText(experiment, report.skipped))
            break
          }
          const judgement = judgeRun(report, mutant)
          print(request.json ? reportAsJson(report, judgement) : reportAsText(report, judgement))
          if (isGood(judgement)) good++
          else bad++
        }
      }
    }
  } finally {
    await postgres.close()
    if (kafka && kafka.kind !== 'unavailable') await kafka.close()
  }
  if (signal.aborted) print(request.json ? JSON.stringify({ outcome: 'interrupted' }) : 'interrupted before the end')
  else if (!request.json) {
    const left = skipped === 0 ? '' : `, ${skipped} experiments were skipped`
    print(bad === 0 ? `all ${good} runs went well${left}` : `${bad} of ${good + bad} runs went wrong${left}`)
  }
  return bad === 0 && !signal.aborted
}

function skippedAsJson({ name }: Experiment, reason: string): string {
  return JSON.stringify({ experiment: name, outcome: 'skipped', reason })
}

function skippedAsText({ name }: Experiment, reason: string): string {
  return `skipped  ${name}: ${reason}`
}
