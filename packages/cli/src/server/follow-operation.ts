import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '../context.js'
import { interruptible } from '../interruptible.js'
import type { AdminClient } from './admin-client.js'
import { hasEnded, pathOf, type OperationView } from './operation.js'

const lookEveryMs = 500

/**
 * Shows how an operation gets on until it has ended, however it ended.
 *
 * @throws {InterruptedError} somebody pressed Ctrl-C; the operation goes on in the server.
 */
export function followOperation(client: AdminClient, id: string, context: Context): Promise<OperationView> {
  return interruptible(
    (signal) => ended(client, id, context, signal),
    `the operation goes on in the server, and \`tidemark operations wait ${id}\` follows it`,
  )
}

async function ended(
  client: AdminClient,
  id: string,
  { output }: Context,
  signal: AbortSignal,
): Promise<OperationView> {
  const progress = output.progress(`operation ${id}`)
  const startedAt = performance.now()
  let first: bigint | undefined
  try {
    for (;;) {
      const operation = await client.get<OperationView>(pathOf(id))
      if (hasEnded(operation)) return operation
      if (operation.progress) {
        const [done, total] = [BigInt(operation.progress.done), BigInt(operation.progress.total)]
        first ??= done
        progress.update({ done, total, perSecond: Number(done - first) / ((performance.now() - startedAt) / 1000) })
      }
      await sleep(lookEveryMs, undefined, { signal })
    }
  } finally {
    progress.end()
  }
}
