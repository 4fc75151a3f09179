import { listParked, retryParked, skipParked, type FailedSelection, type Redriven } from '@tidemark/projections'
import { z } from 'zod'
import { ProblemError } from '../../errors.js'
import { mayHoldPersonalData, projectionNamed } from '../admin-context.js'
import { failureOf } from '../operations/failure-of.js'
import { always, defineOperation, type AnyOperationKind } from '../operations/operation-kind.js'
import { numberInBody, text } from '../parse-request.js'
import type { WorkContext } from './projection-kinds.js'

const selection = z.object({
  positions: z.array(numberInBody).min(1).max(1000).optional().meta({ description: 'The events at these positions' }),
  fingerprint: text.optional().meta({ description: 'Those that failed alike' }),
  all: z.literal(true).optional().meta({ description: 'All that failed' }),
})

/** How many streams a result lists at most. */
const listed = 100

/** What can be done with events that a projection has set aside, by the name of the projection. */
export function deadLetterKinds(context: WorkContext): Record<'retry' | 'skip', AnyOperationKind> {
  const { readModels } = context
  const hides = (target: string) =>
    context.projections.some((each) => each.name === target && mayHoldPersonalData(each))
  const common = { input: selection, targetIsNamed: true, hidesErrors: hides, resumable: always, changes: always }
  const plan = async (input: z.output<typeof selection>, target: string) => {
    const failed = { ...selected(input), projection: projectionNamed(context, target).name, status: 'failed' as const }
    const events = await listParked(readModels, failed, { limit: 1000 })
    return {
      events: events.length,
      waiting: events.reduce((sum, { blocks }) => sum + blocks, 0),
      positions: events.slice(0, listed).map(({ position }) => position),
    }
  }
  return {
    retry: defineOperation({
      ...{ kind: 'dead-letters.retry', ...common, plan },
      run: async (input, target) => {
        const redriven = await retryParked(readModels, projectionNamed(context, target), selected(input))
        return summaryOf(redriven, hides(target))
      },
    }),
    skip: defineOperation({
      ...{ kind: 'dead-letters.skip', ...common, plan },
      run: async (input, target, { operation }) => {
        const projection = projectionNamed(context, target)
        const redriven = await skipParked(readModels, projection, selected(input), operation.reason)
        return summaryOf(redriven, hides(target))
      },
    }),
  }
}

/** @throws {ProblemError} `invalid-input`: nothing was chosen, or twice. */
export function selected({ positions, fingerprint, all }: z.output<typeof selection>): FailedSelection {
  const chosen = [positions, fingerprint, all].filter((choice) => choice !== undefined)
  if (chosen.length !== 1)
    throw new ProblemError('invalid-input', 'say which events: positions, fingerprint or all, one of them', {
      errors: [{ pointer: '', detail: 'takes positions, fingerprint or all, one of them' }],
    })
  return { ...(positions && { positions }), ...(fingerprint !== undefined && { fingerprint }) }
}

function summaryOf(redriven: readonly Redriven[], hidden: boolean): object {
  const failed = redriven.filter(({ failure }) => failure)
  const all = redriven.length <= listed
  const shown = all ? redriven : [...failed, ...redriven.filter(({ failure }) => !failure)].slice(0, listed)
  return {
    streams: redriven.length,
    handled: redriven.reduce((sum, { handled }) => sum + handled.length, 0),
    rowsChanged: redriven.reduce((sum, { rows }) => sum + rows.length, 0),
    failedStreams: failed.length,
    listed: shown.map(({ streamId, tenant, handled, failure, rows }) => ({
      ...{ streamId, tenant, handled: handled.length, rowsChanged: rows.length },
      ...(failure && { failedAt: failure.position, error: errorOf(failure.error, hidden) }),
    })),
  }
}

/** What a handler threw, without its message where personal data may be in it. */
export function errorOf(error: Error, hidden: boolean): { readonly code: string; readonly message: string } {
  const failure = failureOf(error, hidden)
  if (failure.code !== 'INTERNAL' || hidden) return failure
  return { code: error.name, message: error.message }
}
