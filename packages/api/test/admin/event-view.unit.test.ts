import { defineAggregate, event, type RecordedEvent } from '@tidemark/eventstore'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventView } from '../../src/admin/event-view.js'

const Guest = defineAggregate({
  name: 'guest',
  initialState: () => ({}),
  events: {
    Named: event(z.object({ guestId: z.string(), name: z.string() }), {
      version: 2,
      upcast: { 1: (data) => ({ guestId: '', ...(data as object) }) },
      personal: { subject: ({ guestId }) => guestId, fields: { name: 'somebody' } },
    }),
  },
  evolve: { Named: (state) => state },
  commands: () => ({}),
})

const named = (schemaVersion: number, data: object, more: object = {}): RecordedEvent => ({
  ...{ position: 1n, id: 'id', streamId: 'guest-1', category: 'guest', aggregateId: '1', version: 1n, type: 'Named' },
  ...{ schemaVersion, data, metadata: {}, recordedAt: new Date(0), ...more },
})

describe('an event as it is shown', () => {
  test('says in which mode its data is', () => {
    const shown = eventView(named(2, { guestId: 'g', name: 'Ada' }), 'full', [Guest])
    expect(shown).toMatchObject({ payloads: 'full', data: { guestId: 'g', name: 'somebody' }, personal: ['name'] })
    expect(eventView(named(2, { guestId: 'g', name: 'Ada' }), 'none', [Guest])).not.toHaveProperty('data')
  })

  test('is masked where an older schema may have had personal fields elsewhere, and says so', () => {
    const shown = eventView(named(1, { fullName: 'Ada' }), 'full', [Guest])
    expect(shown).toMatchObject({ payloads: 'masked', data: { fullName: '***' } })
    expect(shown).not.toHaveProperty('personal')
  })

  test('says whose it is', () => {
    expect(eventView(named(2, {}, { tenant: 'acme' }), 'none', [Guest]).tenant).toBe('acme')
  })
})
