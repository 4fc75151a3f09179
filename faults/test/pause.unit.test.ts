import { expect, test } from 'vitest'
import { atMost, deadline, pause } from '../src/workload/pause.js'

test('a deadline comes by its time, or earlier by its signal', async () => {
  const never = new AbortController()
  const soon = deadline(10, never.signal)
  expect(soon.aborted).toBe(false)
  await new Promise((resolve) => soon.addEventListener('abort', resolve))
  const controller = new AbortController()
  const late = deadline(60_000, controller.signal)
  controller.abort()
  expect(late.aborted).toBe(true)
  expect(deadline(60_000, controller.signal).aborted).toBe(true)
})

test('a pause, and a wait for what never comes, end with their signal', async () => {
  const controller = new AbortController()
  const waits = [
    pause(60_000, controller.signal),
    atMost(60_000, new Promise<void>(() => undefined), controller.signal),
  ]
  controller.abort()
  await expect(Promise.all(waits)).resolves.toBeDefined()
  await atMost(1, new Promise<void>(() => undefined), new AbortController().signal)
})
