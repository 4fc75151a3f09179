import { DatabaseError } from '@tidemark/eventstore'
import { ProblemError } from '../../errors.js'
import type { OperationFailure } from './operation.js'

/**
 * What people are told of an error: typed errors of these packages say it themselves; of any other, and of what the database said, the log has more.
 *
 * With `hidden` messages that handlers may have put data into are left out.
 */
export function failureOf(error: unknown, hidden = false): OperationFailure {
  const code = codeOf(error)
  if (!(error instanceof Error) || code === undefined)
    return { code: 'INTERNAL', message: 'it failed for a reason that the log of the server tells' }
  if (error instanceof DatabaseError)
    return { code, message: `the database refused or did not answer (${error.kind}): the log of the server tells more` }
  if (hidden && fromHandlers.has(code))
    return { code, message: 'a handler failed; its message may hold personal data: the log of the server has it' }
  if (hidden && fromBridges.has(code))
    return { code, message: 'the bridge does not get on; why may hold personal data: the log of the server has it' }
  return { code, message: error.message }
}

/** Whether an error is one that these packages throw for what a caller can mend. */
export function isRefusal(error: unknown): boolean {
  return codeOf(error) !== undefined && !(error instanceof DatabaseError)
}

/** The problem that an error is which a caller can mend; any other error as it is. */
export function asRefusal(error: unknown, hidden = false): unknown {
  if (error instanceof ProblemError || !isRefusal(error)) return error
  const { code, message } = failureOf(error, hidden)
  return new ProblemError('action-refused', message, { cause: error, members: { code } })
}

const fromHandlers = new Set(['PROJECTIONS_HANDLER_FAILED', 'PROJECTIONS_INVALID_ROW', 'PROJECTIONS_REPLAY_FAILED'])
const fromBridges = new Set(['FANOUT_DRAIN_INCOMPLETE', 'FANOUT_EVENT_NOT_PUBLISHABLE'])

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  return /^(EVENTSTORE|PROJECTIONS|FANOUT|API)_/.test(error.code) ? error.code : undefined
}
