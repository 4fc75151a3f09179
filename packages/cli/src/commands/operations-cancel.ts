import { AdminClient, withServerOption } from '../server/admin-client.js'
import { pathOf, type OperationView } from '../server/operation.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly server?: string
  readonly reason: string
  readonly dryRun?: boolean
}

export const configureOperationsCancel: ConfigureVerb = (verb, { output, environment }) => {
  withServerOption(verb)
    .argument('<operation>', 'its id')
    .requiredOption('--reason <text>', 'why, for the audit')
    .option('--dry-run', 'only show what would be ended')
    .action(async (id: string, { server, reason, dryRun = false }: Options) => {
      const client = new AdminClient(server, environment['TIDEMARK_TOKEN'])
      output.one({ ...(await client.post<OperationView>(`${pathOf(id)}/cancel`, { reason, dryRun })) })
    })
}
