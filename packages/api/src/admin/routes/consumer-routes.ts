import { z } from 'zod'
import type { AdminConsumer, AdminConsumerLag } from '../admin-consumer.js'
import { consumerNamed, refuseTenant, withKafka, type AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import type { ConsumerAction } from '../kinds/consumer-kinds.js'
import { addChangeRoute } from '../operations/change-route.js'
import { asRefusal } from '../operations/failure-of.js'
import type { AnyOperationKind } from '../operations/operation-kind.js'

const tag = 'consumers'
const lag = z.bigint().meta({ description: 'How many records it has yet to handle' })
const lagMs = z.number().meta({ description: 'How long ago the oldest of them was written' })

const changes: readonly { action: ConsumerAction; quick: boolean; summary: string }[] = [
  { action: 'reset', quick: true, summary: 'Move the group of a consumer, while no member of it runs' },
  { action: 'redrive', quick: false, summary: 'Send the dead letters of a consumer back to their topics, each once' },
]

/** Adds what looks at consumers and changes them; nothing where the server has none. */
export function addConsumerRoutes(
  routes: AdminRoutes,
  context: AdminContext,
  kinds: Record<ConsumerAction, AnyOperationKind>,
): void {
  const { consumers } = context
  routes.add({
    ...{ method: 'GET', url: '/consumers', role: 'viewer', tag, operationId: 'consumers.list' },
    summary: 'How far the group of each consumer is in its topics',
    answers: {
      200: {
        description: 'All of them',
        schema: z.object({
          data: z.array(
            z.object({
              ...{ name: z.string(), group: z.string() },
              state: z.string().meta({ description: "Kafka's state of the group" }),
              ...{ members: z.int(), partitions: z.int(), lag, lagMs },
            }),
          ),
        }),
      },
    },
    problems: [409],
    handle: async ({ request }) => {
      refuseTenant(request)
      const lags = await Promise.all(consumers.map(lagOf))
      return { data: lags.map((each, index) => consumerView(consumers[index]?.name ?? '', each)) }
    },
  })
  routes.add({
    ...{ method: 'GET', url: '/consumers/:name/lag', role: 'viewer', tag, operationId: 'consumers.lag' },
    summary: 'How far the group of a consumer is in each partition',
    answers: {
      200: {
        description: 'All partitions',
        schema: z.object({
          data: z.array(
            z.object({
              ...{ topic: z.string(), partition: z.int() },
              committed: z
                .bigint()
                .optional()
                .meta({ description: 'The next record; none where it has committed none' }),
              end: z.bigint().meta({ description: 'What the next record of the partition will have' }),
              ...{ lag, lagMs },
            }),
          ),
        }),
      },
    },
    problems: [404, 409],
    handle: async ({ request, params: { name = '' } }) => {
      refuseTenant(request)
      const { partitions } = await lagOf(consumerNamed(context, name))
      return {
        data: partitions.map(({ topic, partition, committed, end, ...behind }) => ({
          ...{ topic, partition, ...(committed !== undefined && { committed }) },
          ...{ end, lag: behind.lag, lagMs: behind.lagMs },
        })),
      }
    },
  })
  for (const { action, quick, summary } of changes) {
    addChangeRoute(routes, context, {
      ...{ url: `/consumers/:name/${action}`, role: 'operator', tag, summary, quick, kind: kinds[action] },
      aim: async ({ name = '' }, request) => {
        refuseTenant(request)
        const consumer = consumerNamed(context, name)
        withKafka(consumer, action, `${action} consumer`)
        return { target: consumer.name }
      },
    })
  }
}

/** @throws {ProblemError} `action-refused`: the server knows no Kafka, or Kafka refuses. */
async function lagOf(consumer: AdminConsumer): Promise<AdminConsumerLag> {
  const read = withKafka(consumer, 'lag', 'look at consumer')
  return read().catch((error: unknown) => {
    throw asRefusal(error)
  })
}

function consumerView(name: string, { group, state, members, partitions, ...behind }: AdminConsumerLag) {
  const { lag: records, lagMs: ms } = behind
  return { name, group, state, members, partitions: partitions.length, lag: records, lagMs: ms }
}
