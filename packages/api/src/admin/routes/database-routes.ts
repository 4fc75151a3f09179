import { z } from 'zod'
import { ProblemError } from '../../errors.js'
import { refuseTenant, type AdminContext } from '../admin-context.js'
import type { AdminOptions } from '../admin.js'
import type { AdminRoutes } from '../admin-route.js'
import { addChangeRoute } from '../operations/change-route.js'
import type { AnyOperationKind } from '../operations/operation-kind.js'

/** Adds what looks at the database as a whole, and what begins a new epoch of the log. */
export function addDatabaseRoutes(
  routes: AdminRoutes,
  context: AdminContext,
  kinds: Record<'newEpoch', AnyOperationKind>,
  { doctor, database }: Pick<AdminOptions, 'doctor' | 'database'>,
): void {
  const diagnose = asked('doctor', doctor)
  const look = asked('database', database)
  routes.add({
    ...{ method: 'GET', url: '/doctor', role: 'operator', tag: 'overview', operationId: 'doctor' },
    summary: 'What is wrong with the database, the log, what follows it, and Kafka, and what to do about it',
    answers: {
      200: {
        description: 'What every check has found; healthy where none is an error',
        schema: z.object({
          healthy: z.boolean(),
          findings: z.array(
            z.object({
              check: z.string(),
              level: z.enum(['ok', 'warning', 'error']),
              message: z.string(),
              remedy: z.string().optional().meta({ description: 'What to run or to change' }),
            }),
          ),
        }),
      },
    },
    problems: [409],
    handle: async ({ request }) => {
      refuseTenant(request)
      const findings = await diagnose()
      return { healthy: findings.every(({ level }) => level !== 'error'), findings }
    },
  })
  routes.add({
    ...{ method: 'GET', url: '/database', role: 'operator', tag: 'overview', operationId: 'database' },
    summary: 'The migration that the schema is at, and how far the log goes',
    answers: {
      200: {
        description: 'How the database of the log stands',
        schema: z.object({
          database: z.string().meta({ description: 'Where it is, without who logs in' }),
          ...{
            schema: z.string(),
            version: z.int(),
            newest: z.int(),
            state: z.enum(['current', 'too old', 'too new']),
          },
          ...{ epoch: z.string().optional(), head: z.bigint().optional(), lastPosition: z.bigint().optional() },
          heldBackByPid: z.int().nullable().optional(),
        }),
      },
    },
    problems: [409],
    handle: async ({ request }) => {
      refuseTenant(request)
      return look()
    },
  })
  addChangeRoute(routes, context, {
    ...{ url: '/database/new-epoch', role: 'admin', tag: 'overview', quick: true, kind: kinds.newEpoch },
    summary: 'Go on after the log was restored to an earlier point; every consistency token is refused from then on',
    aim: async (_params, request) => {
      refuseTenant(request)
      return { target: 'log' }
    },
  })
}

/**
 * What several ask at once is found out once.
 *
 * @throws {ProblemError} `action-refused`: the server was not given the option. `unavailable`: the database cannot be looked at.
 */
function asked<T>(option: string, look: (() => Promise<T>) | undefined): () => Promise<T> {
  let looking: Promise<T> | undefined
  return () => {
    if (!look) {
      const detail = `this server was made without the option "${option}" of its admin API`
      throw new ProblemError('action-refused', detail, { members: { code: 'API_CONFIGURATION' } })
    }
    looking ??= look()
      .catch((cause: unknown) => {
        throw new ProblemError('unavailable', 'the database cannot be looked at: the log of the server tells why', {
          cause,
        })
      })
      .finally(() => (looking = undefined))
    return looking
  }
}
