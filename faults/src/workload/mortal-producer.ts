import type { KafkaProducerPort, RawKafkaRecord } from '@tidemark/fanout'
import type { Random } from '../random.js'
import { changeProducer } from './change-producer.js'

/** A real producer that dies in the middle of a send, as its process would. */
export interface MortalProducer {
  readonly producer: KafkaProducerPort
  /** Resolves when it has died. */
  readonly death: Promise<void>
  /** Waits for the sends that are still on their way. */
  settled(): Promise<void>
}

/**
 * Makes a producer mortal: after `sends` sends the next one is its last, and never returns. Either nothing of it was sent, or all of it
 * was and nobody learns so.
 */
export function mortalProducer(inner: KafkaProducerPort, sends: number, random: Random): MortalProducer {
  let left = sends
  let dead = false
  const pending = new Set<Promise<void>>()
  let die = (): void => undefined
  const death = new Promise<void>((resolve) => (die = resolve))

  const sendForReal = async (records: readonly RawKafkaRecord[]): Promise<void> => {
    const sending = inner.send(records)
    pending.add(sending)
    await sending.finally(() => pending.delete(sending))
  }
  const never = new Promise<never>(() => undefined)

  const send = async (records: readonly RawKafkaRecord[]): Promise<void> => {
    if (!dead && left-- > 0) return sendForReal(records)
    if (!dead) {
      dead = true
      if (random.chance(0.5)) await sendForReal(records)
      die()
    }
    return never
  }
  const settled = async (): Promise<void> => void (await Promise.allSettled(pending))
  return { producer: changeProducer(inner, { send }), death, settled }
}
