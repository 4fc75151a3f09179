import { createEventStore } from '@tidemark/eventstore'
import { testProgram } from '@tidemark/test-servers'
import { expect, test } from 'vitest'
import { inlineProjections } from '../src/index.js'
import { expectFoldOfLog } from './expect-fold-of-log.js'
import { Order } from './order.js'
import { orderLedger, placed } from './order-ledger.js'
import { endOf } from './projection-process.js'
import { useStoreDatabase } from './store-database.js'

const database = useStoreDatabase()
const appendInline = await testProgram(new URL('programs/append-inline.ts', import.meta.url))

test('killed between insert and commit, or after it, rows and events go together', async () => {
  const store = createEventStore(database.pool, { listen: false, inline: inlineProjections([orderLedger]) })
  let events = 0
  for (const failpoints of ['append.before-commit=kill@9', 'append.after=kill@6']) {
    expect(await endOf(appendInline([database.url], { failpoints }))).toBe('SIGKILL')
    await store.append(Order, 'k-0', [placed()], { expectedVersion: 'any' })
    await expectFoldOfLog(store)
    const { lastPosition } = await store.head()
    expect(lastPosition).toBeGreaterThan(events)
    events = Number(lastPosition)
  }
  const { rows } = await database.pool.query<{ events: string }>(
    'select sum(events) as events from tidemark_read.order_ledger',
  )
  expect(Number(rows[0]!.events)).toBeGreaterThan(20)
  await store.close()
}, 120_000)
