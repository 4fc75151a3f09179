import { describe } from 'vitest'
import { createPlatformaticProducer } from '../../src/index.js'
import { describeProducerContract } from '../contracts/producer-contract.js'

// npm leaves the client out on a Node that is older than it asks for.
describe.skipIf(/^20\.19\.[0-3]$/.test(process.versions.node))('from Node 20.19.4 on', () => {
  describeProducerContract('@platformatic/kafka', createPlatformaticProducer, { afterSilence: 'repeats-nothing' })
})
