import type { FailedSelection } from '@tidemark/projections'
import type { Command } from 'commander'
import { UsageError } from './errors.js'
import { bigNumber } from './numbers.js'
import { repeatable } from './repeatable.js'

export interface FailedOptions {
  readonly position?: readonly bigint[]
  readonly fingerprint?: string
  readonly all?: true
}

/** Lets a verb say which parked events it is about. */
export function withFailedOptions(command: Command): Command {
  return command
    .option('--position <position>', 'the event at this position; may be given again', repeatable(bigNumber))
    .option('--fingerprint <text>', 'those that failed alike')
    .option('--all', 'all that failed')
}

/** @throws {UsageError} nothing was chosen, or twice. */
export function failedSelection({ position, fingerprint, all }: FailedOptions): FailedSelection {
  const chosen = [position, fingerprint, all].filter((choice) => choice !== undefined)
  if (chosen.length !== 1)
    throw new UsageError('say which events: --position, --fingerprint or --all, one of them (see `tidemark dlq list`)')
  return { ...(position && { positions: position }), ...(fingerprint !== undefined && { fingerprint }) }
}
