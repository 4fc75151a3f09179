import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Throttle } from '../src/throttle.js'

test('a share so small that no timer waits for its rest is not taken for all of the time', async () => {
  const ending = new AbortController()
  const throttle = new Throttle(1e-60, ending.signal)
  await throttle.work(() => sleep(2))
  let begun = 0
  const again = throttle.work(async () => void begun++)
  await sleep(50)
  expect(begun).toBe(0)
  ending.abort()
  await again
})
