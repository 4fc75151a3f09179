import { listProjections, type RowKey } from '@tidemark/projections'
import { z } from 'zod'
import { ProblemError } from '../../errors.js'
import {
  keyFor,
  mayHoldPersonalData,
  projectionNamed,
  readModelNamed,
  refuseTenant,
  type AdminContext,
} from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import type { ProjectionAction } from '../kinds/projection-kinds.js'
import { addChangeRoute, auditedBy } from '../operations/change-route.js'
import type { AnyOperationKind } from '../operations/operation-kind.js'
import { operationSchema, operationView } from '../operations/operation-view.js'
import { projectionSchema, projectionView } from '../projection-view.js'
import { selectActiveOperations } from '../sql/operation-statements.js'
import { measured, reasonOnly } from '../parse-request.js'
import { addBlameRoute } from './blame-route.js'

const tag = 'projections'

const changes: readonly { action: ProjectionAction; quick: boolean; summary: string }[] = [
  { action: 'pause', quick: true, summary: 'Let a projection stand still, whichever process runs it' },
  { action: 'resume', quick: true, summary: 'Let a projection go on that was paused, or that stopped at an event' },
  { action: 'rebuild', quick: false, summary: 'Build a read model anew beside the live one, then switch' },
  { action: 'diff', quick: false, summary: 'Compare the live table with the one that was built beside it' },
  { action: 'promote', quick: true, summary: 'Make the table live that was built' },
  { action: 'rollback', quick: true, summary: 'Make the table live again that was live before' },
  { action: 'verify', quick: false, summary: 'Fold rows again from the log and compare' },
  { action: 'replay', quick: false, summary: 'Feed a part of the log again, keeping nothing unless said' },
]

const ofHandlersToo: ReadonlySet<ProjectionAction> = new Set(['pause', 'resume', 'replay'])

/** Adds what looks at projections and changes them. */
export function addProjectionRoutes(
  routes: AdminRoutes,
  context: AdminContext,
  kinds: Record<ProjectionAction, AnyOperationKind>,
): void {
  const { store, readModels, projections, runner } = context
  const viewsOf = async (those: AdminContext['projections'], { measureMs }: z.output<typeof measured>) => {
    const statuses = await listProjections(readModels, those, measureMs === undefined ? {} : { measureMs })
    return statuses.map((status, index) => {
      const projection = those[index] ?? projectionNamed(context, status.name)
      return projectionView(status, { kind: projection.kind, hidesErrors: mayHoldPersonalData(projection) })
    })
  }
  routes.add({
    ...{ method: 'GET', url: '/projections', role: 'viewer', tag, operationId: 'projections.list' },
    summary: 'How far each projection has come, and what holds it up',
    query: measured,
    answers: { 200: { description: 'All of them', schema: z.object({ data: z.array(projectionSchema) }) } },
    handle: async ({ request, query }) => {
      refuseTenant(request)
      return { data: await viewsOf(projections, query) }
    },
  })
  routes.add({
    ...{ method: 'GET', url: '/projections/:name', role: 'viewer', tag, operationId: 'projections.get' },
    summary: 'All that is known of a projection',
    query: measured,
    answers: { 200: { description: 'The projection', schema: projectionSchema } },
    problems: [404],
    handle: async ({ request, query, params: { name = '' } }) => {
      refuseTenant(request)
      return (await viewsOf([projectionNamed(context, name)], query))[0]
    },
  })
  addBlameRoute(routes, context)
  for (const { action, quick, summary } of changes) {
    addChangeRoute(routes, context, {
      ...{ url: `/projections/:name/${action}`, role: 'operator', tag, summary, quick, kind: kinds[action] },
      aim: async ({ name = '' }, request, { keys = [] }) => {
        refuseTenant(request)
        if (ofHandlersToo.has(action)) return { target: projectionNamed(context, name).name }
        const readModel = readModelNamed(context, name)
        for (const key of keys as readonly RowKey[]) keyFor(readModel, String(key))
        return { target: readModel.name }
      },
    })
  }
  routes.add({
    ...{ method: 'POST', url: '/projections/:name/cancel', role: 'operator', tag, operationId: 'projections.cancel' },
    summary: 'End the work on a projection that is under way; a rebuild can be gone on with',
    body: reasonOnly,
    answers: {
      200: {
        description: 'The operations whose end was asked for; with dryRun would be',
        schema: z.object({ dryRun: z.boolean(), data: z.array(operationSchema) }),
      },
    },
    problems: [404, 409],
    handle: async ({ request, params: { name = '' }, body: { reason, dryRun = false } }) => {
      refuseTenant(request)
      const { name: target } = projectionNamed(context, name)
      const ofProjection = Object.values(kinds).map(({ kind }) => kind)
      const active = await selectActiveOperations(store.database, ofProjection, target)
      if (active.length === 0)
        throw new ProblemError('operation-ended', `nothing is under way with projection "${target}"`)
      const by = { ...auditedBy(request, reason), action: 'operations.cancel' }
      const ended = dryRun ? active : await Promise.all(active.map(({ id }) => runner.cancel(id, by)))
      return { dryRun, data: ended.flatMap((operation) => (operation ? [operationView(operation)] : [])) }
    },
  })
}
