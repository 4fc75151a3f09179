import { expect, test } from 'vitest'
import { createRandom } from '../src/random.js'

const draws = (seed: number) => {
  const random = createRandom(seed)
  return Array.from({ length: 1000 }, () => random.integer(1, 6))
}

test('a seed repeats its choices, another makes others', () => {
  expect(draws(7)).toEqual(draws(7))
  expect(draws(7)).not.toEqual(draws(8))
})

test('whole numbers reach both ends and nothing beyond', () => {
  expect([...new Set(draws(1))].sort()).toEqual([1, 2, 3, 4, 5, 6])
})

test('a fork draws its own numbers, so tasks do not disturb each other', () => {
  const drawAfter = (foreignDraws: number) => {
    const random = createRandom(3)
    const [first, second] = [random.fork(), random.fork()]
    for (let draw = 0; draw < foreignDraws; draw++) first.next()
    return second.next()
  }
  expect(drawAfter(0)).toBe(drawAfter(10))
})

test('a chance comes about as often as it says', () => {
  const random = createRandom(5)
  const hits = Array.from({ length: 10_000 }, () => random.chance(0.05)).filter(Boolean).length
  expect(hits).toBeGreaterThan(400)
  expect(hits).toBeLessThan(600)
})
