import type { Experiment } from '../experiment.js'
import { withApiServers } from '../workload/api-servers.js'
import { demand } from '../workload/demand.js'
import { clientGenerator, runWithClient } from '../workload/typed-client.js'

const program = `
import { createClient } from './client.js'

const environment: { readonly [name: string]: string | undefined } = (globalThis as any).process.env
const client = createClient({
  baseUrl: environment['API_URL'] ?? '',
  headers: { authorization: 'Bearer ' + (environment['API_TOKEN'] ?? '') },
})
const params = { path: { id: 'o-typed' } }
const placed = await client.POST('/v1/order/{id}/place', {
  params,
  body: { customerId: 'c-1', items: [{ sku: 'tea', quantity: 2, unitPrice: 890 }] },
})
// @ts-expect-error the quantity is a number
await client.POST('/v1/order/{id}/place', { params, body: { customerId: 'c-1', items: [{ sku: 'tea', quantity: 'two', unitPrice: 1 }] } })
// @ts-expect-error there is no such path
await client.GET('/v1/order-summaries')
const token = placed.response.headers.get('consistency-token') ?? ''
const { data, error } = await client.GET('/v1/order-summary/{key}', {
  params: { path: { key: 'o-typed' }, header: { 'Consistency-Token': token, Prefer: 'wait=5' } },
})
const status: string | undefined = data?.status
const problem: string | undefined = error?.title
console.log(placed.response.status, status ?? problem, data?.total)
`

/** The typed client that the command line writes, against the server that it was written for. */
export const typedClient: Experiment = {
  name: 'typed-client',
  group: 'api',
  summary: 'the client of `tidemark openapi --client ts` compiles, refuses what the API does not have, and works',
  checks: ['requirements'],

  async run(context) {
    const generator = await clientGenerator()
    await withApiServers(context, async (servers) => {
      const { url } = await servers.start()
      const printed = await runWithClient(generator, program, { API_URL: url, API_TOKEN: servers.token })
      const expected = '201 placed 1780'
      demand(context.history, 'what a program with the client prints', expected, printed, printed === expected)
    })
  },
}
