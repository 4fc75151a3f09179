// Run by tests as a process of its own: reads a topic until it is told to stop.
import { createKafkaConsumer } from '../../src/kafkajs/kafkajs-consumer.js'

const [brokers, topic, group] = process.argv.slice(2) as [string, string, string]
const reader = createKafkaConsumer({ brokers: brokers.split(','), requestTimeoutMs: 5000 })
process.once('SIGTERM', () => void reader.stop())
await reader.run({
  ...{ group, topics: [topic], from: 'earliest', partitionsAtOnce: 4, sessionTimeoutMs: 6000 },
  handle: ({ nextOffset }, control) => {
    control.done(nextOffset)
    return Promise.resolve({ resumeInMs: 0 })
  },
  onAssigned: () => process.stdout.write('assigned\n'),
  onTrouble: () => undefined,
})
