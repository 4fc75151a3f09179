import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '../context.js'
import { CliError } from '../errors.js'
import { interruptible } from '../interruptible.js'
import { AdminClient, withServerOption } from '../server/admin-client.js'
import { hasEnded, pathOf, type OperationView } from '../server/operation.js'
import type { ConfigureVerb } from '../verbs/verb.js'

const lookEveryMs = 500

export const configureOperationsWait: ConfigureVerb = (verb, context) => {
  withServerOption(verb)
    .argument('<operation>', 'its id')
    .action(async (id: string, { server }: { readonly server?: string }) => {
      const client = new AdminClient(server, context.environment['TIDEMARK_TOKEN'])
      const operation = await interruptible(
        (signal) => ended(client, id, context, signal),
        `the operation goes on in the server, and \`tidemark operations wait ${id}\` follows it`,
      )
      context.output.one({ ...operation })
      if (operation.status !== 'done')
        throw new CliError(
          `operation ${id} is ${operation.status}: ${operation.error?.message ?? 'somebody asked for its end'}`,
        )
    })
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
