import type { OperableStatus } from '@tidemark/eventstore'
import { exitCode, type ExitCode } from './exit-code.js'

/** How a command ends that lists what follows the log: one that has failed, or is too far behind, is unhealthy. */
export function judgeHealth(
  statuses: readonly { readonly state: OperableStatus['state']; readonly lag: bigint | string }[],
  maxLag: bigint | undefined,
): ExitCode {
  const unhealthy = statuses.some(
    ({ state, lag }) => state === 'failed' || (maxLag !== undefined && BigInt(lag) > maxLag),
  )
  return unhealthy ? exitCode.unhealthy : exitCode.ok
}
