import { expect, test } from 'vitest'
import { DatabaseError, translateDatabaseError, VersionConflictError } from '../src/index.js'

test.each([
  ['08006', 'connection', true],
  ['57P03', 'connection', true],
  ['57P01', 'shutting-down', true],
  ['40001', 'serialization', true],
  ['40P01', 'serialization', true],
  ['55P03', 'lock-timeout', true],
  ['57014', 'cancelled', true],
  ['25P03', 'cancelled', true],
  ['53100', 'out-of-resources', true],
  ['53300', 'out-of-resources', true],
  ['42501', 'permission', false],
  ['28P01', 'permission', false],
  ['42P01', 'schema', false],
  ['3D000', 'schema', false],
  ['23505', 'other', false],
  ['54000', 'other', false],
])('SQLSTATE %s is %s', (code, kind, retryable) => {
  const cause = Object.assign(new Error('what the driver says'), { code })
  const error = translateDatabaseError(cause)
  expect(error).toBeInstanceOf(DatabaseError)
  expect(error).toMatchObject({ kind, retryable, sqlState: code, cause, code: 'EVENTSTORE_DATABASE' })
})

test('an error of the socket or the driver is a broken connection; errors of this package pass', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })
  // Five capitals, as an SQLSTATE could be.
  const broken = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' })
  for (const error of [refused, broken])
    expect(translateDatabaseError(error)).toMatchObject({ kind: 'connection', sqlState: undefined, retryable: true })
  const conflict = new VersionConflictError({ streamId: 'a-1', expectedVersion: 1n, actualVersion: 2n })
  expect(translateDatabaseError(conflict)).toBe(conflict)
})
