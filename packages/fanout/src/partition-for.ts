const seed = 0x9747b28c
const multiplier = 0x5bd1e995

/**
 * The partition of a key: the same that Kafka's Java clients choose, so that every client and language agrees on it.
 *
 * @param partitionCount how many partitions the topic has, at least 1.
 *
 * @example
 * partitionFor('order-o-42', 6)
 */
export function partitionFor(key: string, partitionCount: number): number {
  // Java clears the sign where others take the absolute value; that is half of what makes partitioners differ.
  return (murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff) % partitionCount
}

/** The 32-bit murmur2 hash with the seed of Kafka's Java client, as a signed number; from Austin Appleby's MurmurHash2. */
export function murmur2(bytes: Buffer): number {
  const { length } = bytes
  let hash = seed ^ length
  let offset = 0
  for (; offset + 4 <= length; offset += 4) {
    let word = Math.imul(bytes.readInt32LE(offset), multiplier)
    word ^= word >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier)
  }
  const rest = length - offset
  if (rest > 0) hash = Math.imul(hash ^ bytes.readUIntLE(offset, rest), multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return (hash ^ (hash >>> 15)) | 0
}
