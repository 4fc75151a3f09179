import type { KafkaProducerPort, RawKafkaRecord } from '@tidemark/fanout'
import type { Random } from '../random.js'

/** A real producer that dies in the middle of a send, as its process would. */
export interface MortalProducer extends KafkaProducerPort {
  /** Resolves when it has died. */
  readonly death: Promise<void>
  /** Waits for the sends that are still on their way, and returns how many records Kafka has acknowledged. */
  acknowledged(): Promise<number>
}

/**
 * Makes a producer mortal: after `sends` sends the next one is its last, and never returns. Either nothing of it was sent, or all of it
 * was and nobody learns so.
 */
export function mortalProducer(inner: KafkaProducerPort, sends: number, random: Random): MortalProducer {
  let left = sends
  let dead = false
  let acknowledged = 0
  const pending = new Set<Promise<void>>()
  let die = (): void => undefined
  const death = new Promise<void>((resolve) => (die = resolve))

  const sendForReal = async (records: readonly RawKafkaRecord[]): Promise<void> => {
    const sending = inner.send(records).then(() => void (acknowledged += records.length))
    pending.add(sending)
    await sending.finally(() => pending.delete(sending))
  }
  const never = new Promise<never>(() => undefined)

  return {
    death,
    connect: () => inner.connect(),
    partitionCount: (topic) => inner.partitionCount(topic),
    createTopic: (topic, settings) => inner.createTopic(topic, settings),
    disconnect: () => inner.disconnect(),
    async send(records) {
      if (!dead && left-- > 0) return sendForReal(records)
      if (!dead) {
        dead = true
        if (random.chance(0.5)) await sendForReal(records)
        die()
      }
      return never
    },
    async acknowledged() {
      await Promise.allSettled(pending)
      return acknowledged
    },
  }
}
