import type { Mutant } from '../experiment.js'
import { acknowledgeBeforeProduce } from './acknowledge-before-produce.js'
import { answersWithoutVersion } from './answers-without-version.js'
import { batchesWithoutLimit } from './batches-without-limit.js'
import { boundAndRowsTogether } from './bound-and-rows-together.js'
import { bridgeWithoutCompare } from './bridge-without-compare.js'
import { cachedSequence } from './cached-sequence.js'
import { checkThatHoldsNobody } from './check-that-holds-nobody.js'
import { checkpointAfterRows } from './checkpoint-after-rows.js'
import { checkpointBeforeAcknowledgement } from './checkpoint-before-acknowledgement.js'
import { checkpointBeforeRows } from './checkpoint-before-rows.js'
import { checkpointWithoutCompare } from './checkpoint-without-compare.js'
import { commandsWithoutKeys } from './commands-without-keys.js'
import { debounceWithoutMaximum } from './debounce-without-maximum.js'
import { emptiedTableKeptCheckpoint } from './emptied-table-kept-checkpoint.js'
import { endIsNotReadBack } from './end-is-not-read-back.js'
import { errorsTellEverything } from './errors-tell-everything.js'
import { failedSendsCount } from './failed-sends-count.js'
import { fenceAfterInsert } from './fence-after-insert.js'
import { fullDiskIsFinal } from './full-disk-is-final.js'
import { headBehindOldestTransaction } from './head-behind-oldest-transaction.js'
import { lastValueFence } from './last-value-fence.js'
import { leasesOutliveOwners } from './leases-outlive-owners.js'
import { oversizedEventsAreSkipped } from './oversized-events-are-skipped.js'
import { parkedStreamsGoOn } from './parked-streams-go-on.js'
import { partitionsAreNotWatched } from './partitions-are-not-watched.js'
import { projectionWithoutCompare } from './projection-without-compare.js'
import { promoteWithoutCatchUp } from './promote-without-catch-up.js'
import { rebuildEndsAtAShortBatch } from './rebuild-ends-at-a-short-batch.js'
import { slowSendsAreSentAgain } from './slow-sends-are-sent-again.js'
import { typesWithoutIndex } from './types-without-index.js'
import { unboundedLockWait } from './unbounded-lock-wait.js'
import { unknownEventsAreSkipped } from './unknown-events-are-skipped.js'
import { unsortedGroups } from './unsorted-groups.js'
import { versionsNotUnique } from './versions-not-unique.js'
import { waitingKeysAreForgotten } from './waiting-keys-are-forgotten.js'

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
  checkpointBeforeAcknowledgement,
  endIsNotReadBack,
  bridgeWithoutCompare,
  oversizedEventsAreSkipped,
  waitingKeysAreForgotten,
  partitionsAreNotWatched,
  slowSendsAreSentAgain,
  batchesWithoutLimit,
  failedSendsCount,
  commandsWithoutKeys,
  errorsTellEverything,
  answersWithoutVersion,
]
