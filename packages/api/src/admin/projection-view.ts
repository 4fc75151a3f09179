import type { Stall } from '@tidemark/eventstore'
import type { ProjectionShard, ProjectionStatus } from '@tidemark/projections'
import { z } from 'zod'

/** Why something stands still; what it holds besides depends on the reason. */
export const stallSchema = z.looseObject({
  reason: z.enum(['head-held-back', 'poison', 'lease', 'paused', 'other-version-live', 'database', 'broker']),
})

/** How something that follows the log stands. */
export const states = ['running', 'waiting-for-lease', 'retrying', 'failed', 'paused', 'stopped'] as const

/** What projections and bridges have in common. */
export const operableSchema = z.object({
  name: z.string(),
  state: z.enum(states),
  position: z.bigint(),
  head: z.bigint(),
  lag: z.bigint().meta({ description: 'How many positions it is behind' }),
  lagMs: z.number().meta({ description: 'How long the oldest event that it has not handled is in the log' }),
  eventsPerSecond: z.number().optional(),
  etaMs: z.number().optional(),
  stall: stallSchema.optional(),
  error: z.string().optional(),
  owner: z.string().optional(),
})

/** How a projection stands in answers. */
export const projectionSchema = operableSchema.extend({
  kind: z.enum(['read-model', 'handler']),
  version: z.int(),
  liveVersion: z.int().optional(),
  table: z.string().optional(),
  shards: z.int(),
  failures: z.int(),
  tables: z.array(
    z.object({
      table: z.string(),
      version: z.int(),
      status: z.enum(['live', 'building', 'built', 'previous']),
      position: z.bigint().optional(),
      target: z.bigint().optional(),
      shards: z.array(
        z.object({
          checkpoint: z.string(),
          position: z.bigint().optional(),
          owner: z.string().optional().meta({ description: 'The process that has it' }),
          failures: z.int().meta({ description: 'How often the batch that is next has failed' }),
          error: z.string().optional(),
        }),
      ),
    }),
  ),
})

/** What is shown in the place of a message that nobody could tell from personal data. */
export const hiddenError = 'an error whose message may hold personal data: the log of the process that runs it has it'

/** How a projection is getting on; `hidesErrors` where its errors may hold personal data. */
export function projectionView(
  status: ProjectionStatus,
  { kind, hidesErrors }: { readonly kind: 'read-model' | 'handler'; readonly hidesErrors: boolean },
): z.output<typeof projectionSchema> {
  const { version, liveVersion, table, shards, failures, tables } = status
  return {
    ...operableView(status, hidesErrors),
    ...{ kind, version, shards, failures },
    ...(liveVersion !== undefined && { liveVersion }),
    ...(table !== undefined && { table }),
    tables: tables.map((each) => ({
      ...{ table: each.table, version: each.version, status: each.status },
      ...(each.position !== undefined && { position: each.position }),
      ...(each.target !== undefined && { target: each.target }),
      shards: each.shards.map((shard) => shardView(shard, hidesErrors)),
    })),
  }
}

function shardView({ checkpoint, position, owner, failures, error }: ProjectionShard, hidesErrors: boolean) {
  return {
    ...{ checkpoint, failures },
    ...(position !== undefined && { position }),
    ...(owner !== undefined && { owner }),
    ...(error !== undefined && { error: hidesErrors ? hiddenError : error }),
  }
}

type Operable = Pick<ProjectionStatus, 'name' | 'state' | 'position' | 'head' | 'lag' | 'error' | 'owner'> & {
  readonly lagMs?: number
  readonly eventsPerSecond?: number | undefined
  readonly etaMs?: number | undefined
  readonly stall?: Stall | undefined
}

/** What is shown of whatever follows the log. */
export function operableView(status: Operable, hidesErrors: boolean): z.output<typeof operableSchema> {
  const { name, state, position, head, lag, lagMs = 0, eventsPerSecond, etaMs, stall, error, owner } = status
  const shown = hidesErrors && state !== 'paused' ? hiddenError : error
  return {
    ...{ name, state, position, head, lag, lagMs },
    ...(eventsPerSecond !== undefined && { eventsPerSecond }),
    ...(etaMs !== undefined && { etaMs }),
    ...(stall && { stall: 'error' in stall && hidesErrors ? { ...stall, error: hiddenError } : stall }),
    ...(error !== undefined && shown !== undefined && { error: shown }),
    ...(owner !== undefined && { owner }),
  }
}
