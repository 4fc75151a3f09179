import { describe, expect, test } from 'vitest'
import { valueChanges } from '../src/index.js'

describe('the changes of a value', () => {
  test('go as deep as both sides do, in the order of the members', () => {
    const before = { a: 1, list: [1, { b: 2 }], 'odd/~key': 1, same: { x: [] } }
    const after = { a: '1', list: [1, { b: 3 }, 4], same: { x: [] }, added: null }
    expect(valueChanges(before, after)).toEqual([
      { path: '/a', change: 'changed', before: 1, after: '1' },
      { path: '/list/1/b', change: 'changed', before: 2, after: 3 },
      { path: '/list/2', change: 'added', after: 4 },
      { path: '/odd~1~0key', change: 'removed', before: 1 },
      { path: '/added', change: 'added', after: null },
    ])
  })

  test('are of the whole where the shapes are different', () => {
    expect(valueChanges({ x: [] }, { x: {} })).toEqual([{ path: '/x', change: 'changed', before: [], after: {} }])
    expect(valueChanges(null, { x: 1 })).toEqual([{ path: '', change: 'changed', before: null, after: { x: 1 } }])
    expect(valueChanges({ x: null }, { x: null })).toEqual([])
  })

  test('tell a member with the name of the prototype from the prototype', () => {
    const [before, after] = [JSON.parse('{"__proto__": {"a": 1}}'), JSON.parse('{"__proto__": {"a": 2}}')]
    expect(valueChanges(before, after)).toEqual([{ path: '/__proto__/a', change: 'changed', before: 1, after: 2 }])
  })
})
