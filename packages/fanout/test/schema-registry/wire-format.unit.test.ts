import { expect, test } from 'vitest'
import { framePayload, PayloadUnreadableError, unframePayload } from '../../src/index.js'

test('puts a zero byte and the id, big-endian, before the payload', () => {
  expect(framePayload(7, Buffer.from('{}')).toString('hex')).toBe('00000000077b7d')
  expect(framePayload(0x01020304, Buffer.alloc(0)).toString('hex')).toBe('0001020304')
  // Ids above 2^31 are no negative numbers.
  expect(framePayload(0xfffffffe, Buffer.from([1])).toString('hex')).toBe('00fffffffe01')
})

test('takes a value apart, also one within a larger buffer', () => {
  const larger = Buffer.from('ffff00fffffffe0102ffff', 'hex')
  expect(unframePayload(larger.subarray(2, 9))).toEqual({ schemaId: 0xfffffffe, payload: Buffer.from([1, 2]) })
  expect(unframePayload(new Uint8Array([0, 0, 0, 0, 1]))).toEqual({ schemaId: 1, payload: Buffer.alloc(0) })
})

test.each([
  ['', 'it has 0 bytes'],
  ['00000000', 'it has 4 bytes'],
  [Buffer.from('{"total":1}').toString('hex'), 'it begins with byte 123'],
])('refuses %s', (hex, reason) => {
  const read = () => unframePayload(Buffer.from(hex, 'hex'))
  expect(read).toThrow(PayloadUnreadableError)
  expect(read).toThrow(reason)
})
