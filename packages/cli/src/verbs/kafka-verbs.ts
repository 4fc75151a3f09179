import type { Verb } from './verb.js'

/** Verbs on what goes to Kafka and comes from there. */
export const kafkaVerbs: readonly Verb[] = [
  {
    path: 'bridge list',
    summary: 'how far each bridge has published, and what holds it up; ends with 3 when one has failed',
    examples: ['bridge list', 'bridge list --max-lag 1000 -o json | jq ".data[] | select(.stall)"'],
    load: async () => (await import('../commands/bridge-list.js')).configureBridgeList,
  },
  {
    path: 'bridge show',
    summary: 'all that is known of a bridge; ends with 3 when it has failed',
    examples: ['bridge show orders'],
    load: async () => (await import('../commands/bridge-show.js')).configureBridgeShow,
  },
  {
    path: 'bridge parked',
    summary: 'what a bridge could not publish, and the later events that wait for it; 1,000 at most',
    examples: ['bridge parked orders --failed', 'bridge parked orders --key order-o-42'],
    load: async () => (await import('../commands/bridge-parked.js')).configureBridgeParked,
  },
  {
    path: 'bridge retry',
    summary: 'publish parked events again, in order; ends with 3 when some wait still',
    examples: ['bridge retry orders', 'bridge retry orders --key order-o-42'],
    load: async () => (await import('../commands/bridge-retry.js')).configureBridgeRetry,
  },
  {
    path: 'bridge pause',
    summary: 'let a bridge stand still, whichever process runs it, until it is resumed',
    examples: ['bridge pause orders --reason "the brokers are upgraded"'],
    load: async () => (await import('../commands/bridge-pause.js')).configureBridgePause,
  },
  {
    path: 'bridge resume',
    summary: 'let a bridge go on that was paused, or that halted; it tries again at once',
    examples: ['bridge resume orders'],
    load: async () => (await import('../commands/bridge-pause.js')).configureBridgeResume,
  },
  {
    path: 'bridge replay',
    summary: 'publish a part of the log again, beside the live flow; ends with 3 when events were left out',
    examples: [
      'bridge replay orders --from 1 --topic order.events.again --rate 500',
      'bridge replay orders --from 4000 --to 5000',
    ],
    load: async () => (await import('../commands/bridge-replay.js')).configureBridgeReplay,
  },
  {
    path: 'bridge drain',
    summary: 'publish all that is in the log and wait until groups have read it; ends with 3 when events are parked',
    examples: ['bridge drain orders --group shipping --group billing'],
    load: async () => (await import('../commands/bridge-drain.js')).configureBridgeDrain,
  },
  {
    path: 'consumers list',
    summary: 'how far each consumer is; ends with 3 when one is further behind than --max-lag',
    examples: ['consumers list --max-lag 1000'],
    load: async () => (await import('../commands/consumers-list.js')).configureConsumersList,
  },
  {
    path: 'consumers lag',
    summary: 'how far a consumer is in each partition, in records and in seconds',
    examples: ['consumers lag shipping'],
    load: async () => (await import('../commands/consumers-lag.js')).configureConsumersLag,
  },
  {
    path: 'consumers reset',
    summary: 'move the group of a consumer, while no member of it runs',
    examples: ['consumers reset shipping --to earliest'],
    load: async () => (await import('../commands/consumers-reset.js')).configureConsumersReset,
  },
  {
    path: 'consumers redrive',
    summary: 'send the dead letters of a consumer back to their topics, each once',
    examples: ['consumers redrive shipping'],
    load: async () => (await import('../commands/consumers-redrive.js')).configureConsumersRedrive,
  },
]
