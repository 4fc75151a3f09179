import type { Evidence } from '../history/evidence.js'
import type { Check, CheckName } from './check.js'
import { acknowledgedOnce } from './i1-acknowledged-once.js'
import { batchesAreAtomic } from './i10-batches-are-atomic.js'
import { snapshotsEqualTheFold } from './i11-snapshots-equal-the-fold.js'
import { lagHeals } from './i12-lag-heals.js'
import { failedInvisible } from './i2-failed-invisible.js'
import { versionsWithoutHoles } from './i3-versions-without-holes.js'
import { subscribersSawTheLog } from './i4-subscribers-saw-the-log.js'
import { positionsInOrder } from './i5-positions-in-order.js'
import { readModelsEqualTheFold } from './i6-read-models-equal-the-fold.js'
import { topicsKeepTheOrder } from './i7-topics-keep-the-order.js'
import { duplicatesAreBounded } from './i8-duplicates-are-bounded.js'
import { oneWins } from './i9-one-wins.js'
import { requirementsAreMet } from './requirements-are-met.js'

/** Every check there is. All of them look at every history; those that find nothing to look at are left out. */
export const checks: readonly Check[] = [
  acknowledgedOnce,
  failedInvisible,
  versionsWithoutHoles,
  subscribersSawTheLog,
  positionsInOrder,
  readModelsEqualTheFold,
  topicsKeepTheOrder,
  duplicatesAreBounded,
  oneWins,
  batchesAreAtomic,
  snapshotsEqualTheFold,
  lagHeals,
  requirementsAreMet,
]

/** A promise that a history breaks: how often, and the first cases. */
export interface Violation {
  readonly check: CheckName
  readonly promise: string
  readonly count: number
  readonly examples: readonly string[]
}

/** What the checks found in a history. */
export interface Verdict {
  /** The checks that had something to look at. */
  readonly checked: readonly CheckName[]
  readonly violations: readonly Violation[]
}

const maxExamples = 5

/**
 * Searches a history for broken promises.
 *
 * `required` names the checks that must have had something to look at: a history without evidence proves nothing, so that is
 * a violation too.
 */
export function checkEvidence(evidence: Evidence, required: readonly CheckName[]): Verdict {
  const checked: CheckName[] = []
  const violations: Violation[] = []
  for (const { name, promise, applies, breaches } of checks) {
    if (!applies(evidence)) {
      const examples = ['the history holds nothing to check this by']
      if (required.includes(name)) violations.push({ check: name, promise, count: 1, examples })
      continue
    }
    checked.push(name)
    const examples: string[] = []
    let count = 0
    for (const breach of breaches(evidence)) {
      if (count++ < maxExamples) examples.push(breach)
    }
    if (count > 0) violations.push({ check: name, promise, count, examples })
  }
  return { checked, violations }
}
