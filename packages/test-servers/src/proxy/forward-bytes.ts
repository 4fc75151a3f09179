import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProxyFaults, SeenBytes } from './proxy-faults.js'

/** How much of what was passed on a rule can still see. */
const memoryBytes = 4096

/** What one direction of a connection asks of its proxy. */
export interface ForwardOptions {
  /** Read for every chunk, so changes apply at once. */
  readonly faults: ProxyFaults
  /** Decides over a chunk before it waits for anything. */
  readonly judge: (seen: Pick<SeenBytes, 'bytes' | 'newBytes'>) => 'pass' | 'drop'
  /** Is the line black-holed? Then an end of stream is not passed on either, nor bytes that still wait. */
  readonly swallows: () => boolean
}

/**
 * Passes bytes on from one socket to the other, in order, with the faults of the moment.
 *
 * It reads no further while a chunk waits, so a throttled or stalled peer is felt by the sender as on a real line. What
 * is still waiting when the other side ends is passed on first.
 */
export function forwardBytes(from: Socket, to: Socket, { faults, judge, swallows }: ForwardOptions): void {
  let memory = Buffer.alloc(0)

  async function pass(chunk: Buffer): Promise<void> {
    const bytes = Buffer.concat([memory, chunk])
    memory = bytes.subarray(-memoryBytes)
    if (judge({ bytes, newBytes: chunk.length }) === 'drop') return
    const transferMs = faults.bytesPerSecond ? (chunk.length / faults.bytesPerSecond) * 1000 : 0
    const waitMs = (faults.latencyMs ?? 0) + transferMs
    if (waitMs > 0) await sleep(waitMs)
    if (to.destroyed || swallows()) return
    if (!to.write(chunk)) await new Promise<void>((resolve) => to.once('drain', resolve).once('close', () => resolve()))
  }

  let queue = Promise.resolve()
  from.on('data', (chunk: Buffer) => {
    from.pause()
    queue = queue.then(() => pass(chunk)).then(() => void from.resume())
  })
  from.on('end', () => {
    queue = queue.then(() => {
      if (!swallows()) to.end()
    })
  })
}
