import { AdminClient, withServerOption } from '../server/admin-client.js'
import { followOperation } from '../server/follow-operation.js'
import { checkDone } from '../server/operation.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureOperationsWait: ConfigureVerb = (verb, context) => {
  withServerOption(verb)
    .argument('<operation>', 'its id')
    .action(async (id: string, { server }: { readonly server?: string }) => {
      const client = new AdminClient(server, context.environment['TIDEMARK_TOKEN'])
      const operation = await followOperation(client, id, context)
      context.output.one({ ...operation })
      checkDone(operation)
    })
}
