import type { Mutant } from '../experiment.js'
import { acknowledgeBeforeProduce } from './acknowledge-before-produce.js'
import { boundAndRowsTogether } from './bound-and-rows-together.js'
import { cachedSequence } from './cached-sequence.js'
import { checkThatHoldsNobody } from './check-that-holds-nobody.js'
import { checkpointAfterRows } from './checkpoint-after-rows.js'
import { checkpointBeforeRows } from './checkpoint-before-rows.js'
import { checkpointWithoutCompare } from './checkpoint-without-compare.js'
import { debounceWithoutMaximum } from './debounce-without-maximum.js'
import { emptiedTableKeptCheckpoint } from './emptied-table-kept-checkpoint.js'
import { fenceAfterInsert } from './fence-after-insert.js'
import { fullDiskIsFinal } from './full-disk-is-final.js'
import { headBehindOldestTransaction } from './head-behind-oldest-transaction.js'
import { lastValueFence } from './last-value-fence.js'
import { leasesOutliveOwners } from './leases-outlive-owners.js'
import { parkedStreamsGoOn } from './parked-streams-go-on.js'
import { projectionWithoutCompare } from './projection-without-compare.js'
import { promoteWithoutCatchUp } from './promote-without-catch-up.js'
import { rebuildEndsAtAShortBatch } from './rebuild-ends-at-a-short-batch.js'
import { typesWithoutIndex } from './types-without-index.js'
import { unboundedLockWait } from './unbounded-lock-wait.js'
import { unknownEventsAreSkipped } from './unknown-events-are-skipped.js'
import { unsortedGroups } from './unsorted-groups.js'
import { versionsNotUnique } from './versions-not-unique.js'

/** Every defect that an experiment must find, or the experiment proves nothing. */
export const mutants: readonly Mutant[] = [
  lastValueFence,
  boundAndRowsTogether,
  fenceAfterInsert,
  cachedSequence,
  checkpointWithoutCompare,
  checkpointBeforeRows,
  checkpointAfterRows,
  projectionWithoutCompare,
  leasesOutliveOwners,
  rebuildEndsAtAShortBatch,
  promoteWithoutCatchUp,
  emptiedTableKeptCheckpoint,
  parkedStreamsGoOn,
  unknownEventsAreSkipped,
  headBehindOldestTransaction,
  checkThatHoldsNobody,
  versionsNotUnique,
  unboundedLockWait,
  unsortedGroups,
  debounceWithoutMaximum,
  typesWithoutIndex,
  fullDiskIsFinal,
  acknowledgeBeforeProduce,
]
