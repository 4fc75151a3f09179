import { z } from 'zod'
import { ProblemError } from '../../errors.js'
import { bridgeNamed } from '../admin-context.js'
import { always, defineOperation, never, type AnyOperationKind } from '../operations/operation-kind.js'
import { numberInBody, text } from '../parse-request.js'
import type { WorkContext } from './projection-kinds.js'

export type BridgeAction = 'pause' | 'resume' | 'retry' | 'replay'

/** How many keys a result lists at most. */
const listed = 100

/** What can be done with bridges, by their names. */
export function bridgeKinds(context: WorkContext): Record<BridgeAction, AnyOperationKind> {
  const common = { targetIsNamed: true, changes: always }
  return {
    pause: defineOperation({
      ...{ kind: 'bridges.pause', input: z.object({}), ...common, resumable: always },
      run: async (_input, target, { operation }) => ({
        changed: await bridgeNamed(context, target).pause(operation.reason),
      }),
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
        const { retry } = withMethod(bridgeNamed(context, target), 'retry')
        const retried = await retry({ ...(keys && { keys }), signal })
        const waiting = retried.filter((each) => each.waiting > 0)
        return {
          keys: retried.length,
          published: retried.reduce((sum, { published }) => sum + published, 0),
          dropped: retried.reduce((sum, { dropped }) => sum + dropped, 0),
          waitingKeys: waiting.length,
          waiting: waiting
            .slice(0, listed)
            .map(({ key, error, ...each }) => ({ key: key ?? null, waiting: each.waiting, error: error?.message })),
        }
      },
      plan: async (_input, target) => {
        const { parkedKeys, parkedEvents } = await withMethod(bridgeNamed(context, target), 'retry').bridge.status()
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
        const { replay } = withMethod(bridgeNamed(context, target), 'replay')
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
        const { bridge } = withMethod(bridgeNamed(context, target), 'replay')
        const { position, head } = await bridge.status()
        return { upTo: topic === undefined ? position : head, topics: topic === undefined ? bridge.topics : [topic] }
      },
    }),
  }
}

type Bridge = ReturnType<typeof bridgeNamed>

/** @throws {ProblemError} `action-refused`: the server was given no producer to do it with. */
function withMethod<Name extends 'retry' | 'replay'>(bridge: Bridge, name: Name) {
  const method = bridge[name]?.bind(bridge) as NonNullable<Bridge[Name]> | undefined
  if (!method)
    throw new ProblemError('action-refused', `this server cannot ${name} bridge "${bridge.name}": it has no producer`)
  return { bridge, [name]: method } as { bridge: Bridge } & Record<Name, NonNullable<Bridge[Name]>>
}
