import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assertStorable, createEventStore } from '../src/index.js'
import { useStoreDatabase } from './store-database.js'

describe('an event', () => {
  const database = useStoreDatabase()

  test('comes back with exactly the data that it was appended with', async () => {
    const store = createEventStore(database.pool, { listen: false })
    let stream = 0
    const anyText = fc.string({ unit: 'binary' })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue({ stringUnit: 'binary' }), { minLength: 1, maxLength: 5 }),
        anyText,
        async (values, text) => {
          try {
            assertStorable([...values, text])
          } catch {
            return
          }
          const streamId = `any-${++stream}`
          const events = values.map((data, index) => ({ type: `T${index}`, data, metadata: { text } }))
          await store.appendToStream(streamId, events, { expectedVersion: 0 })
          const stored = await store.readStream(streamId)
          expect(stored.map(({ type, data, metadata }) => ({ type, data, metadata }))).toEqual(events)
          expect(stored.map(({ data }) => JSON.stringify(data))).toEqual(values.map((data) => JSON.stringify(data)))
        },
      ),
      { numRuns: 300 },
    )
    await store.close()
  })

  test('keeps stream ids apart whatever characters they have', async () => {
    const store = createEventStore(database.pool, { listen: false })
    const ids = ['a', 'A', 'ä', 'a ', ' a', 'a\n', "a'b", 'a"b', 'a\\b', 'a,b', '{a}', 'a-b-c', '😀', '%', '_']
    await Promise.all(
      ids.map((id) => store.appendToStream(`odd-${id}`, [{ type: 'T', data: id }], { expectedVersion: 0 })),
    )
    for (const id of ids) expect((await store.readStream(`odd-${id}`)).map(({ data }) => data)).toEqual([id])
    for (const bad of ['odd-', 'odd', '-a', 'odd-\u0000', 'odd-\ud800', `odd-${'x'.repeat(600)}`]) {
      await expect(store.appendToStream(bad, [{ type: 'T', data: 1 }], { expectedVersion: 0 })).rejects.toMatchObject({
        code: 'EVENTSTORE_CONFIGURATION',
      })
    }
    await store.close()
  })
})
