import { describe, expect, it } from 'vitest'
import { judgeClock, judgeConnections, judgeVacuum } from '../src/doctor/check-server.js'

const lookedAfter = { autovacuum_vacuum_insert_scale_factor: '0.02' }

describe('the doctor', () => {
  it.each([
    [79, 'ok'],
    [80, 'warning'],
    [96, 'error'],
  ])('judges %i of 100 connections as %s', (connections, level) => {
    expect(judgeConnections({ connections, maxConnections: 100 }).level).toBe(level)
  })

  it('does not mind a small difference of clocks, in either direction', () => {
    expect([-5000, -900, 0, 900, 5000].map((ms) => judgeClock(ms).level)).toEqual([
      'warning',
      'ok',
      'ok',
      'ok',
      'warning',
    ])
    expect(judgeClock(-5000).message).toContain('5.0 s behind')
  })

  it.each([
    [{ autovacuum: true, frozenAge: 5, tableOptions: lookedAfter }, []],
    [
      { autovacuum: false, frozenAge: 5, tableOptions: lookedAfter },
      ['alter system set autovacuum = on; select pg_reload_conf()'],
    ],
    [
      { autovacuum: true, frozenAge: 5, tableOptions: { ...lookedAfter, autovacuum_enabled: 'false' } },
      ['alter table shop.events reset (autovacuum_enabled)'],
    ],
    [
      { autovacuum: true, frozenAge: 1_500_000_000, tableOptions: {} },
      [expect.stringContaining('alter table shop.events set'), 'vacuum (freeze) shop.events'],
    ],
  ])('judges how the log is vacuumed: %j', (facts, remedies) => {
    expect(judgeVacuum(facts, 'shop').map(({ remedy }) => remedy)).toEqual(remedies)
  })
})
