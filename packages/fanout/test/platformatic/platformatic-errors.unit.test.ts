import { GenericError, MultipleErrors, NetworkError, ProtocolError, UserError } from '@platformatic/kafka'
import { describe, expect, test } from 'vitest'
import { BridgeConfigurationError, ProducerClosedError } from '../../src/index.js'
import { loadPlatformatic } from '../../src/platformatic/load-platformatic.js'
import {
  isExistingTopic,
  isUnknownTopic,
  translatePlatformaticError,
} from '../../src/platformatic/platformatic-errors.js'

const brokers = ['one:9092']
const translate = (error: unknown) => translatePlatformaticError(error, brokers)
const tries = (...errors: Error[]) => new MultipleErrors(`produce failed ${errors.length} times.`, errors)
const lost = new NetworkError('Connection closed')

describe('an error of @platformatic/kafka', () => {
  test.for([
    ['a lost connection', lost, 'FANOUT_BROKER_UNAVAILABLE', true],
    [
      'the last of several tries without an answer',
      tries(lost, new Error('Connection pool is closed.')),
      'FANOUT_BROKER_UNAVAILABLE',
      true,
    ],
    [
      'no answer after one that could pass',
      tries(new ProtocolError('NOT_LEADER_OR_FOLLOWER'), lost),
      'FANOUT_BROKER_UNAVAILABLE',
      true,
    ],
    [
      'an answer that can pass, after none',
      tries(lost, new ProtocolError('NOT_LEADER_OR_FOLLOWER')),
      'FANOUT_KAFKA_REFUSED',
      true,
    ],
    [
      'an answer that cannot pass, before none',
      tries(new ProtocolError('TOPIC_AUTHORIZATION_FAILED'), lost),
      'FANOUT_KAFKA_REFUSED',
      false,
    ],
    ['a batch that is too large', new ProtocolError('MESSAGE_TOO_LARGE'), 'FANOUT_BATCH_TOO_LARGE', false],
    [
      'a refused login',
      new NetworkError('failed', {
        cause: new GenericError('PLT_KFK_AUTHENTICATION', 'no', {
          cause: new ProtocolError('SASL_AUTHENTICATION_FAILED'),
        }),
      }),
      'FANOUT_KAFKA_REFUSED',
      false,
    ],
    ['one of our own', new ProducerClosedError(), 'FANOUT_PRODUCER_CLOSED', false],
  ] as const)('%s', ([, error, code, retryable]) => {
    expect(translate(error)).toMatchObject({ code, retryable })
  })

  test('of one broker among several is found past those that answered well', () => {
    // Of the brokers that a send goes to, those without an error leave a hole.
    const holes = Array.from<Error>({ length: 3 })
    holes[1] = new MultipleErrors('Received response with error', [new ProtocolError('MESSAGE_TOO_LARGE')])
    const error = new MultipleErrors('Producing messages failed.', holes)
    expect(translate(error)).toMatchObject({ code: 'FANOUT_BATCH_TOO_LARGE', cause: error })
  })

  test('of an unknown or an existing topic is known by its name, and in later releases by its code', () => {
    expect(isUnknownTopic(tries(lost, new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION')))).toBe(true)
    expect(isUnknownTopic(new UserError('Unknown topic orders.'))).toBe(true)
    expect(isUnknownTopic(new ProtocolError('TOPIC_AUTHORIZATION_FAILED'))).toBe(false)
    expect(isExistingTopic(tries(new ProtocolError('TOPIC_ALREADY_EXISTS')))).toBe(true)
    expect(isExistingTopic(lost)).toBe(false)
  })
})

describe('loading @platformatic/kafka', () => {
  // Built while it runs, so that neither the compiler nor vitest looks for it before.
  const missing = ['@platformatic', 'kafka-that-is-not-there'].join('/')

  test('says what to install when it is missing', async () => {
    const loading = loadPlatformatic(() => import(/* @vite-ignore */ missing))
    await expect(loading).rejects.toThrow(BridgeConfigurationError)
    await expect(loading).rejects.toThrow('npm install @platformatic/kafka')
  })

  test('does not hide why it cannot be loaded otherwise', async () => {
    const broken = new SyntaxError('not for this release of Node')
    await expect(loadPlatformatic(() => Promise.reject(broken))).rejects.toBe(broken)
  })
})
