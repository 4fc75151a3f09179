import { expect, test } from 'vitest'
import { ProgressMeter } from '../src/progress-meter.js'

test('one look tells nothing, two tell the speed between them', () => {
  const meter = new ProgressMeter()
  meter.saw('a', 100n, 1000)
  expect(meter.perSecond('a', 1000)).toBeUndefined()
  meter.saw('a', 400n, 2500)
  expect(meter.perSecond('a', 2500)).toBe(200)
  expect(meter.perSecond('b', 2500)).toBeUndefined()
})

test('only the last seconds count, and one that stands still has the speed 0', () => {
  const meter = new ProgressMeter()
  for (let second = 0; second <= 5; second++) meter.saw('a', BigInt(second * 1000), second * 1000)
  for (let second = 6; second <= 30; second++) meter.saw('a', 5000n, second * 1000)
  expect(meter.perSecond('a', 30_000)).toBe(0)
  expect(meter.perSecond('a', 41_000)).toBeUndefined()
})

test('looks that come close together do not blur it', () => {
  const meter = new ProgressMeter()
  meter.saw('a', 0n, 0)
  meter.saw('a', 1000n, 1)
  expect(meter.perSecond('a', 1)).toBeUndefined()
  meter.saw('a', 1000n, 1000)
  expect(meter.perSecond('a', 1000)).toBe(1000)
})

test('one that went back begins anew', () => {
  const meter = new ProgressMeter()
  meter.saw('a', 1000n, 0)
  meter.saw('a', 10n, 1000)
  expect(meter.perSecond('a', 1000)).toBeUndefined()
  meter.saw('a', 30n, 2000)
  expect(meter.perSecond('a', 2000)).toBe(20)
})
