import type { KafkaRecord } from '../kafka-producer-port.js'

/** The fixed fields of a record batch in Kafka's format, version 2. */
export const batchOverheadBytes = 61

/** Attributes, the deltas of time and offset, and the lengths of record, key, value and header list, each as long as it can be. */
const recordOverheadBytes = 1 + 10 + 5 * 5

/** The most that a record can take of Kafka's limit when it travels alone: never below its true size, by some bytes above. */
export function recordBytes({ key, value, headers }: KafkaRecord): number {
  let bytes = batchOverheadBytes + recordOverheadBytes + Buffer.byteLength(key) + value.length
  for (const [name, text] of Object.entries(headers)) bytes += 10 + Buffer.byteLength(name) + Buffer.byteLength(text)
  return bytes
}
