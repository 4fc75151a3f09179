import type { Mutant } from './experiment.js'
import type { RunReport } from './run-experiment.js'

/** What a run means: the product passed or failed, or a mutant was caught, or survived. */
export type Judgement = 'passed' | 'failed' | 'caught' | 'survived'

/** A mutant is caught only by the checks that are named for it; a run that broke off has caught nothing. */
export function judgeRun({ verdict, error }: Pick<RunReport, 'verdict' | 'error'>, mutant?: Mutant): Judgement {
  if (!mutant) return error === undefined && verdict.violations.length === 0 ? 'passed' : 'failed'
  const caught = verdict.violations.some(
    ({ check, examples }) => examples.length > 0 && mutant.caughtBy.includes(check),
  )
  return caught && error === undefined ? 'caught' : 'survived'
}

/** Whether a run went as it should. */
export function isGood(judgement: Judgement): boolean {
  return judgement === 'passed' || judgement === 'caught'
}
