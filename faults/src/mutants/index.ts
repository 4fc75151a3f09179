import type { Mutant } from '../experiment.js'
import { acknowledgeBeforeProduce } from './acknowledge-before-produce.js'
import { boundAndRowsTogether } from './bound-and-rows-together.js'
import { cachedSequence } from './cached-sequence.js'
import { checkThatHoldsNobody } from './check-that-holds-nobody.js'
import { checkpointWithoutCompare } from './checkpoint-without-compare.js'
import { debounceWithoutMaximum } from './debounce-without-maximum.js'
import { fenceAfterInsert } from './fence-after-insert.js'
import { fullDiskIsFinal } from './full-disk-is-final.js'
import { lastValueFence } from './last-value-fence.js'
import { typesWithoutIndex } from './types-without-index.js'
import { unboundedLockWait } from './unbounded-lock-wait.js'
import { unsortedGroups } from './unsorted-groups.js'
import { versionsNotUnique } from './versions-not-unique.js'

/** Every defect that an experiment must find, or the experiment proves nothing. */
export const mutants: readonly Mutant[] = [
  lastValueFence,
  boundAndRowsTogether,
  fenceAfterInsert,
  cachedSequence,
  checkpointWithoutCompare,
  checkThatHoldsNobody,
  versionsNotUnique,
  unboundedLockWait,
  unsortedGroups,
  debounceWithoutMaximum,
  typesWithoutIndex,
  fullDiskIsFinal,
  acknowledgeBeforeProduce,
]
