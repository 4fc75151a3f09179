import { wholeNumber } from '../numbers.js'
import { AdminClient, withServerOption } from '../server/admin-client.js'
import type { OperationView } from '../server/operation.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly server?: string
  readonly status?: string
  readonly limit: number
}

export const configureOperationsList: ConfigureVerb = (verb, { output, environment }) => {
  withServerOption(verb)
    .option('--status <status>', 'pending, running, done, failed or cancelled')
    .option('--limit <n>', 'at most this many', wholeNumber, 50)
    .action(async ({ server, status, limit }: Options) => {
      const client = new AdminClient(server, environment['TIDEMARK_TOKEN'])
      const { data } = await client.get<{ data: OperationView[] }>('/operations', { status, limit: String(limit) })
      output.list<OperationView>(
        data,
        [
          ['id', ({ id }) => id],
          ['kind', ({ kind }) => kind],
          ['target', ({ target }) => target],
          ['status', (operation) => operation.status],
          ['done', ({ progress }) => progress && `${progress.done}/${progress.total}`],
          ['by', ({ requestedBy }) => requestedBy],
          ['at', ({ createdAt }) => createdAt],
          ['reason', ({ reason }) => reason],
        ],
        'there are no operations',
      )
    })
}
