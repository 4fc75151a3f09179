import { createPlatformaticProducer } from '../../src/index.js'
import { describeProducerContract } from '../contracts/producer-contract.js'

describeProducerContract('@platformatic/kafka', createPlatformaticProducer, { afterSilence: 'repeats-nothing' })
