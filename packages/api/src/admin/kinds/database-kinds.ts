import { checkpointMisfit, listCheckpoints, LogRestoredError, type CheckpointMisfit } from '@tidemark/eventstore'
import { ReadModelStore } from '@tidemark/projections'
import { z } from 'zod'
import { defineOperation, always, never, type AnyOperationKind } from '../operations/operation-kind.js'
import { numberInBody } from '../parse-request.js'
import type { WorkContext } from './projection-kinds.js'

const rewindTo = z
  .union([z.enum(['start', 'end']), numberInBody], 'takes start, end or a position')
  .optional()
  .meta({ description: 'Where checkpoints that do not fit the log go on; without it they are refused' })

/** What can be done with the log as a whole. */
export function databaseKinds({ store, readModels }: WorkContext): Record<'newEpoch', AnyOperationKind> {
  const elsewhere = readModels instanceof ReadModelStore ? readModels : undefined
  const placeOf = async (place: z.output<typeof rewindTo>): Promise<bigint | undefined> => {
    if (place === 'start') return 0n
    return place === 'end' ? (await store.head()).lastPosition : place
  }
  const misfitsElsewhere = async (): Promise<readonly CheckpointMisfit[]> => (await elsewhere?.misfits()) ?? []
  return {
    newEpoch: defineOperation({
      // Begun twice, it would refuse the tokens of the first.
      ...{ kind: 'database.new-epoch', input: z.object({ rewindTo }), targetIsNamed: false },
      ...{ resumable: never, changes: always },
      run: async ({ rewindTo: place }, _target, { operation }) => {
        const to = await placeOf(place)
        const misfits = await misfitsElsewhere()
        if (misfits.length > 0 && to === undefined) throw new LogRestoredError(misfits)
        const begun = await store.newEpoch({ reason: operation.reason, ...(to !== undefined && { rewindTo: to }) })
        const moved = (await elsewhere?.rewind(to ?? 0n)) ?? []
        return { ...begun, rewound: [...begun.rewound, ...moved] }
      },
      plan: async ({ rewindTo: place }) => {
        const [to, misfits] = [await placeOf(place), [...(await misfitsElsewhere())]]
        const keeps: string[] = []
        for (const checkpoint of await listCheckpoints(store.database)) {
          const reason = await checkpointMisfit(store.log, checkpoint)
          if (reason === undefined) keeps.push(checkpoint.name)
          else misfits.push({ name: checkpoint.name, position: checkpoint.position, reason })
        }
        if (misfits.length > 0 && to === undefined) throw new LogRestoredError(misfits)
        return { refusesTokensOf: await store.log.epoch(), keeps, rewinds: misfits }
      },
    }),
  }
}
