import { createKafkaProducer } from '../../src/index.js'
import { describeProducerContract } from '../contracts/producer-contract.js'

describeProducerContract('kafkajs', createKafkaProducer, { afterSilence: 'may-repeat' })
