import type { ConsumedRecord } from './kafka-consumer-port.js'

/** Records by key, each key's in their order: lanes that do not wait for each other. A record without a key has a lane of its own. */
export function lanesOf<R extends Pick<ConsumedRecord, 'key'>>(records: readonly R[]): readonly (readonly R[])[] {
  const lanes: R[][] = []
  const byKey = new Map<string, R[]>()
  for (const record of records) {
    const key = record.key?.toString('latin1')
    const lane = key === undefined ? undefined : byKey.get(key)
    if (lane) {
      lane.push(record)
      continue
    }
    const made = [record]
    lanes.push(made)
    if (key !== undefined) byKey.set(key, made)
  }
  return lanes
}

/** Lets so many pieces of work run at the same time, the others wait for their turn in order. */
export class Turns {
  private free: number
  private readonly waiting: (() => void)[] = []

  constructor(atOnce: number) {
    this.free = atOnce
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--
    else await new Promise<void>((resolve) => this.waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.waiting.shift()
      if (next) next()
      else this.free++
    }
  }
}
