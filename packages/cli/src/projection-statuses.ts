import { listProjections, type AnyProjection, type ProjectionStatus, type ProjectionStore } from '@tidemark/projections'
import { measureMs } from './measure-ms.js'

/** How a projection is getting on, and what it is. */
export type ShownProjection = Omit<ProjectionStatus, 'kind'> & Pick<AnyProjection, 'kind'>

/** Looks at projections, and at those that are behind twice. */
export async function projectionStatuses(
  store: ProjectionStore,
  projections: readonly AnyProjection[],
): Promise<ShownProjection[]> {
  const kinds = new Map(projections.map(({ name, kind }) => [name, kind]))
  const statuses = await listProjections(store, projections, { measureMs })
  return statuses.map((status) => ({ ...status, kind: kinds.get(status.name) ?? 'read-model' }))
}
