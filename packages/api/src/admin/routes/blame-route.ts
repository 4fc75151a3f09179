import { readModelOf, type FieldBlame } from '@tidemark/projections'
import { z } from 'zod'
import { RowPast } from '../../read-models/row-past.js'
import {
  keyFor,
  mayHoldPersonalData,
  modeOf,
  readModelNamed,
  refuseTenant,
  type AdminContext,
} from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import { number, oneOf } from '../parse-request.js'
import { lesserMode, payloadModes, viewOf } from '../payload-view.js'

const reference = z.object({
  eventId: z.string(),
  type: z.string(),
  position: z.bigint(),
  streamId: z.string(),
  version: z.bigint(),
  recordedAt: z.date(),
  correlationId: z.string().optional(),
  causationId: z.string().optional(),
  actor: z.string().optional(),
})

/** Adds what says which event gave each value of a row. */
export function addBlameRoute(routes: AdminRoutes, context: AdminContext): void {
  const { readModels, payloads } = context
  const past = new RowPast(readModels)
  routes.add({
    ...{ method: 'GET', url: '/projections/:name/rows/:key/blame', role: 'viewer', tag: 'projections' },
    operationId: 'projections.blame',
    summary: 'Which event gave each value of a row, by the log and the handlers of today',
    query: z.object({
      at: number.optional().meta({ description: 'Up to which position; the head unless said' }),
      evenIfTruncated: oneOf(['true', 'false']).optional(),
      payloads: oneOf(payloadModes).optional(),
    }),
    answers: {
      200: {
        description:
          'The row, and where its values are from; both in the mode of payloads, and masked at most where some may be personal',
        schema: z.object({
          key: z.union([z.string(), z.number()]),
          position: z.bigint().meta({ description: 'Up to where the log was folded' }),
          row: z.unknown().optional().meta({ description: 'null for one that was taken away' }),
          fields: z.record(z.string(), reference.extend({ value: z.unknown().optional() })),
          deletedBy: reference.optional(),
        }),
      },
    },
    problems: [404, 410, 422],
    handle: async ({ request, query, params: { name = '', key = '' } }) => {
      refuseTenant(request)
      const projection = readModelNamed(context, name)
      keyFor(projection, key)
      const asked = modeOf(request, query.payloads, payloads)
      const mode = mayHoldPersonalData(projection) ? lesserMode(asked, 'masked') : asked
      const model = { name: projection.name, key: readModelOf(readModels, projection).key }
      const { fields, row, ...blamed } = await past.blame({ projection, model }, key, {
        ...(query.at !== undefined && { at: query.at }),
        evenIfTruncated: query.evenIfTruncated === 'true',
      })
      const shown = ({ value, ...event }: FieldBlame) => ({
        ...event,
        ...(mode !== 'none' && { value: viewOf(value, mode) }),
      })
      return {
        ...blamed,
        ...(mode !== 'none' && { row: viewOf(row, mode) }),
        fields: Object.fromEntries(Object.entries(fields).map(([property, field]) => [property, shown(field)])),
      }
    },
  })
}
