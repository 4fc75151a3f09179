import { kafkaVerbs } from './kafka-verbs.js'
import { operationVerbs } from './operation-verbs.js'
import { projectVerbs } from './project-verbs.js'
import { projectionVerbs } from './projection-verbs.js'
import { storeVerbs } from './store-verbs.js'
import { streamVerbs } from './stream-verbs.js'
import type { Verb } from './verb.js'

/** All that the command line can do, in the order of its help. */
export const verbs: readonly Verb[] = [
  ...projectVerbs,
  ...storeVerbs,
  ...streamVerbs,
  ...projectionVerbs,
  ...kafkaVerbs,
  ...operationVerbs,
]

/** What the nouns are. */
export const nouns: Readonly<Record<string, string>> = {
  db: 'the schema in the database',
  schemas: 'the shapes of events',
  subjects: 'the people whom events are about',
  streams: 'what happened to one aggregate',
  events: 'what happened in the whole log',
  projections: 'read models',
  dlq: 'events that a projection could not handle',
  bridge: 'events on their way to Kafka',
  consumers: 'what handles events from Kafka',
  operations: 'long work of a server',
  config: 'what this command works with',
}
