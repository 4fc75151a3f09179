import { z } from 'zod'
import { ProblemError } from '../../errors.js'
import { bridgeNamed, mayPublishPersonalData, withKafka } from '../admin-context.js'
import { always, defineOperation, never, type AnyOperationKind } from '../operations/operation-kind.js'
import { numberInBody, text } from '../parse-request.js'
import { hiddenError } from '../projection-view.js'
import type { WorkContext } from './projection-kinds.js'

export type BridgeAction = 'pause' | 'resume' | 'retry' | 'replay' | 'drain'

/** How many keys a result lists at most. */
const listed = 1000
const aDayMs = 86_400_000

/** What can be done with bridges, by their names. */
export function bridgeKinds(context: WorkContext): Record<BridgeAction, AnyOperationKind> {
  const hidesErrors = (target: string) =>
    context.bridges.some((bridge) => bridge.name === target && mayPublishPersonalData(context, bridge))
  const common = { targetIsNamed: true, changes: always, hidesErrors }
  return {
    pause: defineOperation({
      ...{ kind: 'bridges.pause', input: z.object({}), ...common, resumable: always },
      run: async (_input, target, { operation }) => {
        const bridge = bridgeNamed(context, target)
        const changed = await bridge.pause(operation.reason)
        const { stall } = await bridge.status()
        if (stall?.reason !== 'paused')
          throw new ProblemError('action-refused', `bridge "${target}" was never started, so there is nothing to pause`)
        return { changed, reason: stall.why }
      },
      plan: async (_input, target) => ({ pauses: (await bridgeNamed(context, target).status()).state !== 'paused' }),
    }),
    resume: defineOperation({
      ...{ kind: 'bridges.resume', input: z.object({}), ...common, resumable: always },
      run: async (_input, target) => ({ changed: await bridgeNamed(context, target).resume() }),
      plan: async (_input, target) => {
        const { state } = await bridgeNamed(context, target).status()
        return { resumes: state === 'paused' || state === 'failed' }
      },
    }),
    retry: defineOperation({
      ...{ kind: 'bridges.retry', ...common, resumable: always },
      input: z.object({ keys: z.array(text).min(1).max(100).optional() }),
      run: async ({ keys }, target, { signal }) => {
        const retry = withKafka(bridgeNamed(context, target), 'retry', 'retry bridge')
        const retried = await retry({ ...(keys && { keys }), signal })
        const hides = hidesErrors(target)
        return {
          keys: retried.length,
          published: retried.reduce((sum, { published }) => sum + published, 0),
          dropped: retried.reduce((sum, { dropped }) => sum + dropped, 0),
          waitingKeys: retried.filter(({ waiting }) => waiting > 0).length,
          retried: retried.slice(0, listed).map(({ key, published, dropped, waiting, error }) => ({
            ...{ key, published, dropped, waiting },
            error: error && hides ? hiddenError : error?.message,
          })),
        }
      },
      plan: async (_input, target) => {
        const { parkedKeys, parkedEvents } = await bridgeNamed(context, target).status()
        return { parkedKeys, parkedEvents }
      },
    }),
    replay: defineOperation({
      // Published again from the beginning it would be published three times.
      ...{ kind: 'bridges.replay', ...common, resumable: never },
      input: z.object({
        from: numberInBody.optional(),
        to: numberInBody.optional(),
        topic: text.max(249).optional().meta({ description: 'One topic for all; its own unless said' }),
        eventsPerSecond: z.int().min(1).optional(),
      }),
      run: async ({ from, to, topic, eventsPerSecond }, target, { signal, progress }) => {
        const replay = withKafka(bridgeNamed(context, target), 'replay', 'replay bridge')
        return replay({
          ...(from !== undefined && { from }),
          ...(to !== undefined && { to }),
          ...(topic !== undefined && { topic }),
          ...(eventsPerSecond !== undefined && { eventsPerSecond }),
          onProgress: ({ done, total }) => progress(done, total),
          signal,
        })
      },
      plan: async ({ topic }, target) => {
        const bridge = bridgeNamed(context, target)
        const { position, head } = await bridge.status()
        return { upTo: topic === undefined ? position : head, topics: topic === undefined ? bridge.topics : [topic] }
      },
    }),
    drain: defineOperation({
      ...{ kind: 'bridges.drain', ...common, resumable: always },
      input: z.object({
        groups: z.array(text).max(100).optional().meta({ description: 'The consumer groups that are waited for' }),
        topics: z
          .array(text.max(249))
          .min(1)
          .max(100)
          .optional()
          .meta({ description: 'What they read; the topics of the bridge unless said' }),
        timeoutMs: z
          .int()
          .min(1)
          .max(aDayMs)
          .optional()
          .meta({ description: 'How long it may take; 60,000 unless said' }),
      }),
      run: ({ groups = [], topics, timeoutMs = 60_000 }, target, { signal, progress }) => {
        const drain = withKafka(bridgeNamed(context, target), 'drain', 'drain bridge')
        return drain({
          ...{ groups, timeoutMs, signal, ...(topics && { topics }) },
          onProgress: ({ done, total }) => progress(done, total),
        })
      },
      plan: async ({ groups = [], topics }, target) => {
        const bridge = bridgeNamed(context, target)
        const { position, head } = await bridge.status()
        return { from: position, upTo: head, topics: topics ?? bridge.topics, waitsFor: groups }
      },
    }),
  }
}
