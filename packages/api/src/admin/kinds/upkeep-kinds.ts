import { hasPersonalData, partsOf, type StreamStore } from '@tidemark/eventstore'
import { z } from 'zod'
import { newestVersion } from '../stream-state.js'
import { always, defineOperation, type AnyOperationKind } from '../operations/operation-kind.js'
import { numberInBody, text } from '../parse-request.js'
import type { WorkContext } from './projection-kinds.js'

const tenant = text.optional().meta({ description: 'Whose, in a store with tenancy' })

/** What can be done with streams and data subjects. */
export function upkeepKinds(context: WorkContext): Record<'truncate' | 'forget', AnyOperationKind> {
  const { store, aggregates } = context
  const streamsOf = (of: string | undefined): StreamStore => (of === undefined ? store : store.forTenant(of))
  const common = { targetIsNamed: false, resumable: always, changes: always }
  return {
    truncate: defineOperation({
      ...{ kind: 'streams.truncate', ...common },
      input: z.object({
        beforeVersion: numberInBody.meta({ description: 'The first version that stays' }),
        withoutSnapshot: z
          .boolean()
          .optional()
          .meta({ description: 'Although the aggregate cannot be loaded afterwards' }),
        evenIfUnread: z.boolean().optional().meta({ description: 'Although a subscriber has not read the events' }),
        tenant,
      }),
      run: async (
        { beforeVersion, withoutSnapshot = false, evenIfUnread = false, tenant: of },
        target,
        { operation },
      ) => {
        const aggregate = aggregates.find(({ name }) => name === partsOf(target).category)
        return streamsOf(of).truncateStream(target, {
          ...{ beforeVersion, withoutSnapshot, evenIfUnread, reason: operation.reason, actor: operation.requestedBy },
          ...(aggregate && { aggregate }),
        })
      },
      plan: async ({ beforeVersion, tenant: of }, target) => {
        const streams = streamsOf(of)
        const newest = await newestVersion(streams, target)
        const [first] = await streams.readStream(target, { limit: 1 })
        const until = beforeVersion > newest ? newest : beforeVersion
        const from = first?.version ?? 1n
        return { deletesEvents: until > from ? until - from : 0n, newest }
      },
    }),
    forget: defineOperation({
      ...{ kind: 'subjects.forget', ...common },
      input: z.object({ tenant }),
      run: async ({ tenant: of }, target, { operation }) => {
        const { streamIds, unloadableStreamIds } = await streamsOf(of).forgetSubject(target, {
          reason: operation.reason,
        })
        return { streams: streamIds.length, unloadable: unloadableStreamIds.length }
      },
      plan: () =>
        Promise.resolve({
          forgetsIn: aggregates.filter(hasPersonalData).map(({ name }) => name),
          thereIsNoWayBack: true,
        }),
    }),
  }
}
