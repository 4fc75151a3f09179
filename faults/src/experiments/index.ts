import type { Experiment } from '../experiment.js'
import { droppedCommitReplies } from './dropped-commit-replies.js'
import { dyingBridges } from './dying-bridges.js'
import { gapHunter } from './gap-hunter.js'
import { racingAppends } from './racing-appends.js'
import { terminatedBackends } from './terminated-backends.js'
import { zombieOwners } from './zombie-owners.js'

/** Every experiment of the lab, in the order in which they are run. */
export const experiments: readonly Experiment[] = [
  gapHunter,
  racingAppends,
  droppedCommitReplies,
  terminatedBackends,
  zombieOwners,
  dyingBridges,
]
