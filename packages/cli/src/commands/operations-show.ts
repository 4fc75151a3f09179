import { AdminClient, withServerOption } from '../server/admin-client.js'
import { pathOf, type OperationView } from '../server/operation.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureOperationsShow: ConfigureVerb = (verb, { output, environment }) => {
  withServerOption(verb)
    .argument('<operation>', 'its id')
    .action(async (id: string, { server }: { readonly server?: string }) => {
      const client = new AdminClient(server, environment['TIDEMARK_TOKEN'])
      output.one({ ...(await client.get<OperationView>(pathOf(id))) })
    })
}
