import type { Experiment } from '../experiment.js'
import { badRequests } from './bad-requests.js'
import { brokerOutages } from './broker-outages.js'
import { changedTopics } from './changed-topics.js'
import { droppedCommitReplies } from './dropped-commit-replies.js'
import { dyingBridges } from './dying-bridges.js'
import { failingBrokers } from './failing-brokers.js'
import { fullDisk } from './full-disk.js'
import { fuzzedDocument } from './fuzzed-document.js'
import { gapHunter } from './gap-hunter.js'
import { killedBridges } from './killed-bridges.js'
import { killedProjectors } from './killed-projectors.js'
import { killedRebuilds } from './killed-rebuilds.js'
import { killedServers } from './killed-servers.js'
import { killedTransactions } from './killed-transactions.js'
import { largeRebuild } from './large-rebuild.js'
import { lostReplies } from './lost-replies.js'
import { openTransactions } from './open-transactions.js'
import { oversizedEvents } from './oversized-events.js'
import { pausedProjectors } from './paused-projectors.js'
import { peersCases } from './peers-cases.js'
import { poisonedStreams } from './poisoned-streams.js'
import { promotesUnderLoad } from './promotes-under-load.js'
import { racingAppends } from './racing-appends.js'
import { racingBridges } from './racing-bridges.js'
import { racingProcesses } from './racing-processes.js'
import { readModelCases } from './read-model-cases.js'
import { registryOutages } from './registry-outages.js'
import { restartedPostgres } from './restarted-postgres.js'
import { rollingDeploys } from './rolling-deploys.js'
import { strangersInTheGroup } from './strangers-in-the-group.js'
import { terminatedBackends } from './terminated-backends.js'
import { typedClient } from './typed-client.js'
import { unreadStreams } from './unread-streams.js'
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
  killedProjectors,
  killedRebuilds,
  pausedProjectors,
  promotesUnderLoad,
  largeRebuild,
  restartedPostgres,
  readModelCases,
  openTransactions,
  rollingDeploys,
  poisonedStreams,
  dyingBridges,
  killedBridges,
  killedTransactions,
  racingBridges,
  oversizedEvents,
  changedTopics,
  lostReplies,
  brokerOutages,
  failingBrokers,
  registryOutages,
  badRequests,
  killedServers,
  fuzzedDocument,
  typedClient,
  unreadStreams,
]
