import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { until } from '../until.js'
import { orderRecord, useConsumerKit } from './consumer-kit.js'
import { startConsumerProcess, type ConsumerProcessOptions } from './consumer-process.js'

describe.skipIf(!inject('kafkaBrokers'))('consumers in processes of their own', () => {
  const kit = useConsumerKit()
  const children: ChildProcess[] = []
  beforeAll(async () => {
    for (const table of ['killed_event', 'killed_batch', 'shared_event', 'shared_batch'])
      await kit.pool.query(
        `create table ${table} (id bigint generated always as identity, member int, order_id text, amount int)`,
      )
  })
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  function startProcess(
    options: Pick<ConsumerProcessOptions, 'topic' | 'mode' | 'table' | 'failpoints'>,
  ): ChildProcess {
    const child = startConsumerProcess({ ...options, databaseUrl: kit.url, brokers: kit.brokers })
    children.push(child)
    return child
  }

  const count = async (table: string) => {
    const { rows } = await kit.pool.query<{ count: number }>(`select count(*)::int from ${table}`)
    return rows[0]!.count
  }

  /** Each order's amounts, in the order in which they were handled. */
  async function handled(table: string): Promise<Record<string, number[]>> {
    const { rows } = await kit.pool.query<{ order_id: string; amounts: number[] }>(
      `select order_id, array_agg(amount order by id) as amounts from ${table} group by 1`,
    )
    return Object.fromEntries(rows.map(({ order_id, amounts }) => [order_id, amounts]))
  }

  const orders = (ids: number, events: number) =>
    Array.from({ length: events }, (_, version) =>
      Array.from({ length: ids }, (_, id) => orderRecord(`o${id}`, version + 1, 'OrderPaid', { amount: version + 1 })),
    ).flat()
  const expected = (ids: number, events: number) =>
    Object.fromEntries(
      Array.from({ length: ids }, (_, id) => [`o${id}`, Array.from({ length: events }, (_, index) => index + 1)]),
    )

  test.each(['event', 'batch'] as const)(
    'that are killed after the commit in Postgres and before the one in Kafka do nothing twice: %s',
    async (mode) => {
      const topic = await kit.topic(2)
      const table = `killed_${mode}`
      await kit.send(topic, orders(10, 20))
      for (const nth of [1, 4]) {
        const child = startProcess({ topic, mode, table, failpoints: `consumer.handled=kill@${nth}` })
        const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
        expect(signal).toBe('SIGKILL')
      }
      const before = await count(table)
      expect(before).toBeGreaterThan(0)
      expect(before).toBeLessThan(200)
      startProcess({ topic, mode, table })
      await until(
        () => count(table),
        (seen) => seen >= 200,
        60_000,
      )
      expect(await handled(table)).toEqual(expected(10, 20))
    },
    120_000,
  )

  test.each(['event', 'batch'] as const)(
    'that share partitions out anew while they work lose nothing, double nothing and keep the order: %s',
    async (mode) => {
      const topic = await kit.topic(6)
      const table = `shared_${mode}`
      const records = orders(60, 50)
      let sent = 0
      const sendMore = async (share: number) => {
        const upTo = Math.floor(records.length * share)
        await kit.send(topic, records.slice(sent, upTo))
        sent = upTo
      }
      const first = startProcess({ topic, mode, table })
      await sendMore(0.3)
      await until(
        () => count(table),
        (seen) => seen > 100,
      )
      const second = startProcess({ topic, mode, table })
      await once(second.stdout!, 'data')
      await sendMore(0.6)
      await until(
        async () => {
          const { rows } = await kit.pool.query<{ members: number }>(
            `select count(distinct member)::int as members from ${table}`,
          )
          return rows[0]!.members
        },
        (members) => members === 2,
      )
      const exited = once(first, 'exit')
      await sendMore(0.8)
      first.kill('SIGTERM')
      expect(await exited).toEqual([0, null])
      const third = startProcess({ topic, mode, table })
      await once(third.stdout!, 'data')
      await sendMore(1)
      second.kill('SIGKILL')
      await until(
        () => count(table),
        (seen) => seen >= records.length,
        60_000,
      )
      expect(await handled(table)).toEqual(expected(60, 50))
    },
    120_000,
  )
})
