import { describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { useServer } from './use-server.js'

const database = useCounterDatabase()
const server = useServer(() => database.url, {}, 'api,projections')

describe('tidemark projections through a server', () => {
  it('lists the same as without', async () => {
    const both = await server.both(['projections', 'list'])
    for (const listed of both)
      expect(listed).toMatchObject({ code: 0, data: [{ name: 'counter-totals', lag: '0' }, { name: 'audit' }] })
  })

  it('pauses one, with a reason for the audit', async () => {
    const pause = ['projections', 'pause', 'audit', '--reason', 'a look']
    const planned = await server.through([...pause, '--dry-run', '-o', 'json'])
    expect(JSON.parse(planned.stdout)).toMatchObject({ data: { projection: 'audit', pauses: true } })
    const [done, again] = [await server.through([...pause, '-o', 'json']), await server.through(pause)]
    expect(JSON.parse(done.stdout)).toMatchObject({ data: { projection: 'audit', paused: true, reason: 'a look' } })
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/paused +false/) })
    const list = await server.through(['projections', 'list', '-o', 'json'])
    expect(JSON.parse(list.stdout)).toMatchObject({ data: [{}, { name: 'audit', state: 'paused' }] })
  })
})
