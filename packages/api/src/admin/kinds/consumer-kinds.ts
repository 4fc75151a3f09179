import { z } from 'zod'
import { consumerNamed, withKafka } from '../admin-context.js'
import { always, defineOperation, never, type AnyOperationKind } from '../operations/operation-kind.js'
import { numberInBody, text } from '../parse-request.js'
import type { WorkContext } from './projection-kinds.js'

export type ConsumerAction = 'reset' | 'redrive'

const place = z
  .union(
    [
      z.enum(['earliest', 'latest']),
      numberInBody,
      z.iso.datetime({ offset: true }).transform((time) => new Date(time)),
    ],
    'takes earliest, latest, an offset, or a time with its zone',
  )
  .meta({ description: 'earliest, latest, an offset, or a time: the first record at or after it' })

const reset = z.object({
  to: place,
  topic: text.max(249).optional().meta({ description: 'Only this topic of the consumer' }),
  partition: z.int().min(0).optional().meta({ description: 'Only this partition' }),
  forgetInbox: z.boolean().optional().meta({ description: 'Have it handle again what it has handled before' }),
})

/** What can be done with consumers, by their names. */
export function consumerKinds(context: WorkContext): Record<ConsumerAction, AnyOperationKind> {
  const common = { targetIsNamed: true, changes: always }
  const move = (
    target: string,
    { to, topic, partition, forgetInbox = false }: z.output<typeof reset>,
    dryRun: boolean,
  ) =>
    withKafka(
      consumerNamed(context, target),
      'reset',
      'reset consumer',
    )({
      ...{ to, forgetInbox, dryRun },
      ...(topic !== undefined && { topic }),
      ...(partition !== undefined && { partition }),
    })
  return {
    reset: defineOperation({
      // Members may have started since then.
      ...{ kind: 'consumers.reset', input: reset, ...common, resumable: never },
      run: async (input, target) => ({ moved: await move(target, input, false) }),
      plan: async (input, target) => ({
        group: consumerNamed(context, target).group,
        moves: await move(target, input, true),
        forgetsInbox: input.forgetInbox ?? false,
      }),
    }),
    redrive: defineOperation({
      ...{ kind: 'consumers.redrive', input: z.object({}), ...common, resumable: always },
      run: (_input, target, { signal }) =>
        withKafka(consumerNamed(context, target), 'redrive', 'redrive consumer')({ signal }),
      plan: async (_input, target) => {
        const consumer = consumerNamed(context, target)
        const letters = await withKafka(consumer, 'deadLetters', 'redrive consumer')()
        return { letters, topics: consumer.topics }
      },
    }),
  }
}
