import type { Experiment } from '../experiment.js'
import { droppedCommitReplies } from './dropped-commit-replies.js'
import { dyingBridges } from './dying-bridges.js'
import { fullDisk } from './full-disk.js'
import { gapHunter } from './gap-hunter.js'
import { peersCases } from './peers-cases.js'
import { racingAppends } from './racing-appends.js'
import { racingProcesses } from './racing-processes.js'
import { strangersInTheGroup } from './strangers-in-the-group.js'
import { terminatedBackends } from './terminated-backends.js'
import { writeSkew } from './write-skew.js'
import { zombieOwners } from './zombie-owners.js'

/** Every experiment of the lab, in the order in which they are run. */
export const experiments: readonly Experiment[] = [
  gapHunter,
  racingAppends,
  racingProcesses,
  droppedCommitReplies,
  terminatedBackends,
  writeSkew,
  strangersInTheGroup,
  peersCases,
  fullDisk,
  zombieOwners,
  dyingBridges,
]
