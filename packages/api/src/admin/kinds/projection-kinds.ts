import {
  diffProjection,
  listProjections,
  NoSuchTableError,
  pauseProjection,
  promoteProjection,
  rebuildProjection,
  replay,
  resumeProjection,
  rollbackProjection,
  verifyProjection,
  type DriftedRow,
  type ProjectionStatus,
  type ProjectionTable,
} from '@tidemark/projections'
import { z } from 'zod'
import { toJson } from '../../http/json-context.js'
import { ProblemError } from '../../errors.js'
import { keyFor, mayHoldPersonalData, projectionNamed, readModelNamed, type AdminContext } from '../admin-context.js'
import { always, defineOperation, never, type AnyOperationKind } from '../operations/operation-kind.js'
import { moment, numberInBody, text } from '../parse-request.js'

/** What the kinds of operations work with. */
export type WorkContext = Pick<
  AdminContext,
  'store' | 'readModels' | 'aggregates' | 'projections' | 'bridges' | 'consumers'
>

/** How many keys a result lists at most. */
const listed = 100
const share = z.number().gt(0, 'takes more than 0 and at most 1').max(1, 'takes more than 0 and at most 1')

/** What can be done with projections, by their names. */
export function projectionKinds(context: WorkContext): Record<ProjectionAction, AnyOperationKind> {
  const { readModels } = context
  const hidesErrors = (target: string) =>
    context.projections.some((each) => each.name === target && mayHoldPersonalData(each))
  const common = { targetIsNamed: true, hidesErrors }
  const statusOf = async (name: string): Promise<ProjectionStatus | undefined> =>
    (await listProjections(readModels, [projectionNamed(context, name)]))[0]
  const switchTo = async (target: string, from: 'built' | 'previous') => {
    const { name, version } = readModelNamed(context, target)
    const status = await statusOf(name)
    const chosen = tableWith(status, from)
    if (!chosen) throw new NoSuchTableError(name, version, from)
    return { table: chosen.table, version: chosen.version, insteadOf: status?.table ?? null }
  }

  return {
    pause: defineOperation({
      ...{ kind: 'projections.pause', input: z.object({}), ...common, resumable: always, changes: always },
      run: async (_input, target, { operation }) => {
        const changed = await pauseProjection(readModels, projectionNamed(context, target), operation.reason)
        const stall = (await statusOf(target))?.stall
        if (stall?.reason !== 'paused')
          throw new ProblemError(
            'action-refused',
            `projection "${target}" was never started, so there is nothing to pause`,
          )
        return { changed, reason: stall.why }
      },
      plan: async (_input, target) => ({ pauses: (await statusOf(target))?.state !== 'paused' }),
    }),
    resume: defineOperation({
      ...{ kind: 'projections.resume', input: z.object({}), ...common, resumable: always, changes: always },
      run: async (_input, target) => ({
        changed: await resumeProjection(readModels, projectionNamed(context, target)),
      }),
      plan: async (_input, target) => {
        const state = (await statusOf(target))?.state
        return { resumes: state === 'paused' || state === 'failed' || state === 'retrying' }
      },
    }),
    rebuild: defineOperation({
      ...{ kind: 'projections.rebuild', ...common, resumable: always, changes: always },
      input: z.object({
        promote: z.boolean().optional().meta({ description: 'Whether the new table goes live; true unless said' }),
        from: numberInBody.optional().meta({ description: 'Keep the rows that no event from here on touches' }),
        share: share.optional().meta({ description: 'How much of the time it works' }),
      }),
      run: async ({ promote = true, from, share: part = 1 }, target, { signal, progress, leaseMs }) =>
        rebuildProjection(readModels, readModelNamed(context, target), {
          ...{ promote, share: part, signal, leaseMs: Math.min(leaseMs, 10_000) },
          ...(from !== undefined && { from }),
          onProgress: ({ done, total }) => progress(done, total),
        }),
      plan: async ({ promote = true }, target) => {
        readModelNamed(context, target)
        const status = await statusOf(target)
        const begun = status?.tables.find(({ status: is }) => is === 'building')
        const replaced = status?.tables.filter(({ status: is }) => is === 'built' || is === 'previous') ?? []
        return {
          ...{ reads: status?.head ?? 0n, promotes: promote, goesOnWith: begun?.table ?? null },
          drops: replaced.map(({ table }) => table),
        }
      },
    }),
    diff: defineOperation({
      ...{ kind: 'projections.diff', ...common, resumable: always, changes: never },
      input: z.object({
        with: z.enum(['built', 'previous']).optional(),
        sample: z.int().min(0).max(listed, `takes at most ${listed}`).optional(),
      }),
      run: async ({ with: other = 'built', sample = 20 }, target, { signal }) => {
        const diff = await diffProjection(readModels, readModelNamed(context, target), { with: other, sample, signal })
        return {
          ...diff,
          sample: diff.sample.map(({ key, before, after }) => ({
            key,
            change: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed',
            columns: before && after ? differentColumns(before, after) : [],
          })),
        }
      },
      plan: async ({ with: other = 'built' }, target) => ({
        comparesWith: tableWith(await statusOf(readModelNamed(context, target).name), other)?.table ?? null,
      }),
    }),
    promote: defineOperation({
      ...{ kind: 'projections.promote', input: z.object({}), ...common, resumable: never, changes: always },
      run: (_input, target, { signal }) => promoteProjection(readModels, readModelNamed(context, target), { signal }),
      plan: (_input, target) => switchTo(target, 'built'),
    }),
    rollback: defineOperation({
      ...{ kind: 'projections.rollback', input: z.object({}), ...common, resumable: never, changes: always },
      run: (_input, target, { signal }) => rollbackProjection(readModels, readModelNamed(context, target), { signal }),
      plan: (_input, target) => switchTo(target, 'previous'),
    }),
    verify: defineOperation({
      ...{ kind: 'projections.verify', ...common, resumable: always },
      input: z.object({
        keys: z
          .array(z.union([z.string(), z.number()]))
          .min(1)
          .max(100)
          .optional(),
        sample: z.int().min(1).max(1_000_000).optional(),
        all: z.literal(true).optional(),
        heal: z.boolean().optional(),
        share: share.optional(),
      }),
      changes: ({ heal = false }) => heal,
      run: async ({ keys, sample, all, heal = false, share: part = 1 }, target, { signal, progress }) => {
        const projection = readModelNamed(context, target)
        const result = await verifyProjection(readModels, projection, {
          ...{ heal, share: part, signal },
          ...(keys && { keys: keys.map((key) => keyFor(projection, String(key))) }),
          ...(sample !== undefined && { sample }),
          ...(all && { all }),
          onProgress: ({ checked, total }) => progress(BigInt(checked), BigInt(total)),
        })
        const { drifted, unverifiable } = result
        return {
          ...result,
          drifted: drifted.slice(0, listed).map(withoutValues),
          unverifiable: unverifiable.slice(0, listed),
        }
      },
      plan: async ({ heal = false }, target) => ({
        table: (await statusOf(readModelNamed(context, target).name))?.table ?? null,
        heals: heal,
      }),
    }),
    replay: defineOperation({
      ...{ kind: 'projections.replay', ...common },
      input: z.object({
        from: numberInBody.optional(),
        to: numberInBody.optional(),
        ...{ since: moment.optional(), until: moment.optional() },
        streams: z.array(text).min(1).max(100).optional(),
        types: z.array(text).min(1).max(100).optional(),
        sideEffects: z.boolean().optional().meta({ description: 'Whether what a handler does is kept' }),
      }),
      changes: ({ sideEffects = false }) => sideEffects,
      // What was kept would be done again.
      resumable: ({ sideEffects = false }) => !sideEffects,
      run: async ({ from, to, since, until, streams, types, sideEffects = false }, target, { signal, progress }) => {
        const projection = projectionNamed(context, target)
        return replay(readModels, projection, {
          ...{ sideEffects, signal },
          ...(from !== undefined && { from }),
          ...(to !== undefined && { to }),
          ...(since && { since }),
          ...(until && { until }),
          ...(streams && { streams }),
          ...(types && { types }),
          onProgress: ({ done, total }) => progress(done, total),
        })
      },
      plan: async ({ sideEffects = false }, target) => ({
        kind: projectionNamed(context, target).kind,
        keeps: sideEffects,
      }),
    }),
  }
}

export type ProjectionAction = 'pause' | 'resume' | 'rebuild' | 'diff' | 'promote' | 'rollback' | 'verify' | 'replay'

/** The newest table of a status; one that was built belongs to the version of the code. */
function tableWith(status: ProjectionStatus | undefined, from: 'built' | 'previous'): ProjectionTable | undefined {
  return status?.tables.findLast((table) => {
    return table.status === from && (from !== 'built' || table.version === status.version)
  })
}

function differentColumns(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string[] {
  return Object.keys(before).filter((column) => column in after && toJson(before[column]) !== toJson(after[column]))
}

/** A row that has drifted, by its key and the columns alone; and whether there is one at all, in the table and by the log. */
function withoutValues({ key, columns, healed, expected, actual }: DriftedRow): object {
  return { key, row: actual === null ? 'missing' : expected === null ? 'unexpected' : 'differs', columns, healed }
}
