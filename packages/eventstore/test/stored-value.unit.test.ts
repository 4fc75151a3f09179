import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assertStorable, UnstorableValueError } from '../src/index.js'

const storable = (value: unknown): boolean => {
  try {
    assertStorable(value)
    return true
  } catch (error) {
    if (error instanceof UnstorableValueError) return false
    throw error
  }
}

describe('assertStorable', () => {
  test.each([
    [Number.NaN, '$'],
    [[1, -0], '$[1]'],
    [{ a: { b: Infinity } }, '$.a.b'],
    [2 ** 53, '$'],
    [1e300, '$'],
    [{ a: ['\u0000'] }, '$.a[0]'],
    ['\ud800', '$'],
    [{ 'a-b': '\udfff' }, '$["a-b"]'],
    [{ '\u0000': 1 }, '$["\\u0000"]'],
    [[undefined], '$[0]'],
    [Array(1), '$[0]'],
    [1n, '$'],
    [new Date(0), '$'],
    [new Map(), '$'],
    [{ f: () => 1 }, '$.f'],
    [undefined, '$'],
  ])('refuses %o at %s', (value, path) => {
    expect(() => assertStorable(value)).toThrow(expect.objectContaining({ path }))
  })

  test('refuses what contains itself', () => {
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    expect(storable(loop)).toBe(false)
  })

  test('lets a missing property be undefined', () => {
    expect(storable({ a: undefined, b: 1 })).toBe(true)
    expect(storable(Object.create(null))).toBe(true)
  })

  test('what it accepts comes back the same from JSON, and what changes is refused', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withSparseArray: true }),
        (value) => {
          if (!storable(value)) return
          const back: unknown = JSON.parse(JSON.stringify(value))
          // Properties that are undefined are as good as absent, and prototypes do not count.
          expect(back).toEqual(value)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('accepts every JSON value that has no -0, unsafe integer or unstorable text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        const harmless = !text.includes('\\u') && !/-0|\d{16}|e\+?\d/i.test(text)
        if (harmless) expect(storable(JSON.parse(text))).toBe(true)
      }),
    )
  })
})
